/** What holds for every file of the product and no linter sees: names, opening comments, paths of machines, full folders. */
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import test from 'ava';

const root = join(import.meta.dirname, '../..');

/** Paths from the repository's root of the files below a folder whose name fits. */
function filesBelow(folder: string, name: RegExp): string[] {
  return readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && name.test(entry.name))
    .map((entry) => relative(root, join(entry.parentPath, entry.name)));
}

const text = (path: string): string => readFileSync(join(root, path), 'utf8');
const programs = [...filesBelow('src', /\.(ts|mjs)$/), ...filesBelow('worker', /\.cjs$/)];
const nameless = /(^|\/)(index|utils?|common|helpers?|types)(\.|\/)/;
const opening = /^(#!.*\n)?('use strict';\n+)?(\/\*\*?|\/\/)\s*\S/;
const machinePath = /(?<![\w.$}])\/(home|root|work|Users)\/\w*/;
const MAX_FILES_IN_FOLDER = 15;

test('the programs are where they are looked for', (t) => {
  t.true(programs.length > 100);
});

test('no file or folder of the product has a name that says nothing about what it owns', (t) => {
  t.deepEqual(
    programs.filter((path) => nameless.test(path)),
    [],
  );
  for (const path of ['src/pool/index.ts', 'src/pool/utils/a.ts', 'worker/node/types.cjs'])
    t.regex(path, nameless);
  t.notRegex('src/model/error-types.ts', nameless);
});

test('every file of the product opens with a comment that says what it owns', (t) => {
  t.deepEqual(
    programs.filter((path) => !opening.test(text(path))),
    [],
  );
  t.notRegex("import fs from 'node:fs';\n/** Owns. */\n", opening);
});

test('nothing names a path of some machine', (t) => {
  const all = [
    ...programs,
    ...filesBelow('worker', /\.md$/),
    ...filesBelow('scripts', /\.(sh|mjs)$/),
    ...filesBelow('docs', /\.md$/),
    'README.md',
  ];
  t.deepEqual(
    all.filter((path) => machinePath.test(text(path))),
    [],
  );
  t.regex('cd /root/project', machinePath);
  t.notRegex('cd "$folder/home/x"; ls ./work/x', machinePath);
});

test(`no folder of the product has more than ${MAX_FILES_IN_FOLDER} files side by side`, (t) => {
  const counts = new Map<string, number>();
  for (const path of programs) {
    const folder = path.slice(0, path.lastIndexOf('/'));
    counts.set(folder, (counts.get(folder) ?? 0) + 1);
  }
  t.deepEqual(
    [...counts].filter(([, count]) => count > MAX_FILES_IN_FOLDER),
    [],
  );
});
