/** scripts/build.sh with a compiler that notes what is there while it is at work. */
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { temporaryDirectory } from '../../helpers/temporary-directory.js';

const scripts = join(import.meta.dirname, '../../../scripts');

/** Compiles nothing: it writes the text of `source` into both folders, or fails when the text is `wrong`. */
const COMPILER = `
const { existsSync, mkdirSync, readFileSync, writeFileSync } = require('node:fs');
const at = process.argv.indexOf('--outDir');
const out = at === -1 ? 'dist' : process.argv[at + 1];
const there = existsSync('dist/src/main.js') ? readFileSync('dist/src/main.js', 'utf8') : 'nothing';
writeFileSync('seen', there);
const source = readFileSync('src/main.ts', 'utf8');
if (source === 'wrong') process.exit(2);
for (const part of ['src', 'worker']) {
  mkdirSync(out + '/' + part, { recursive: true });
  writeFileSync(out + '/' + part + '/main.js', source);
}`;

interface Checkout {
  folder: string;
  /** Changes the source, and builds. @returns the exit code */
  build: (source: string) => number | null;
  text: (path: string) => string;
  isCurrent: () => boolean;
}

function makeCheckout(t: ExecutionContext): Checkout {
  const folder = temporaryDirectory(t);
  mkdirSync(join(folder, 'scripts'));
  cpSync(join(scripts, 'build.sh'), join(folder, 'scripts/build.sh'));
  for (const path of ['src', 'worker', 'node_modules/typescript/bin'])
    mkdirSync(join(folder, path), { recursive: true });
  for (const file of ['tsconfig.json', 'tsconfig.build.json', 'package.json', 'package-lock.json'])
    writeFileSync(join(folder, file), '{}');
  writeFileSync(join(folder, 'node_modules/typescript/bin/tsc'), COMPILER);
  const run = (...args: string[]): number | null =>
    spawnSync('bash', [join(folder, 'scripts/build.sh'), ...args]).status;
  return {
    folder,
    build: (source) => {
      writeFileSync(join(folder, 'src/main.ts'), source);
      return run();
    },
    text: (path) => readFileSync(join(folder, path), 'utf8'),
    isCurrent: () => run('--check') === 0,
  };
}

test('what was built before is there until the new build is whole: a server may be running from it', (t) => {
  const { folder, build, text, isCurrent } = makeCheckout(t);
  t.is(build('one'), 0);
  t.is(text('seen'), 'nothing');
  writeFileSync(join(folder, 'dist/src/removed-since.js'), '');
  t.is(build('two'), 0);
  t.is(text('seen'), 'one');
  t.is(text('dist/src/main.js'), 'two');
  t.is(text('dist/worker/main.js'), 'two');
  t.false(existsSync(join(folder, 'dist/src/removed-since.js')));
  t.true(isCurrent());
  t.deepEqual(
    readdirSync(folder).filter((name) => name.startsWith('dist')),
    ['dist'],
  );
});

test('a build that fails leaves what was built before, and the next start builds again', (t) => {
  const { build, text, isCurrent } = makeCheckout(t);
  t.is(build('one'), 0);
  t.is(build('wrong'), 2);
  t.is(text('dist/src/main.js'), 'one');
  t.false(isCurrent());
  t.is(build('one'), 0);
  t.true(isCurrent());
});
