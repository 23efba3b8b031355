import { spawnSync } from 'node:child_process';
import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { TEMPLATES } from '../../../src/cli/templates/templates.js';
import { temporaryDirectory } from '../../helpers/temporary-directory.js';

const root = join(import.meta.dirname, '../../..');
/** In the order in which a function's entry is looked for. */
const ENTRY_FILES = ['index.js', 'index.mjs', 'index.cjs', 'index.ts', 'index.mts', 'index.cts'];

test('a template has one entry file, which is the file that its author edits', (t) => {
  for (const [template, make] of Object.entries(TEMPLATES)) {
    const files = make('hello');
    const sources = Object.keys(files).filter((file) => /(?<!\.d)\.[cm]?[jt]s$/.test(file));
    t.deepEqual(
      sources,
      ENTRY_FILES.filter((file) => file in files),
      template,
    );
    t.is(sources.length, 1, template);
    t.false(/"main"/.test(files['package.json'] ?? ''), template);
  }
});

test('no template has a line that runs npx where it finds no glambdar but a package of that name in a registry', (t) => {
  for (const [template, make] of Object.entries(TEMPLATES))
    for (const [file, content] of Object.entries(make('hello')))
      for (const line of content.split('\n').filter((one) => one.includes('npx')))
        t.regex(line, /checkout|npx glambdar deploy <this folder>/, `${template}: ${file}`);
});

test('the TypeScript template compiles with the types that lie in it, before anything is installed', (t) => {
  const folder = temporaryDirectory(t, TEMPLATES['ts']?.('hello'));
  appendFileSync(
    join(folder, 'index.ts'),
    '// @ts-expect-error: the types are known, so a wrong key is found\nexport const wrong: Handler = () => ({ status: 1 });\n',
  );
  const { stdout } = spawnSync(
    process.execPath,
    [join(root, 'node_modules/typescript/bin/tsc'), '-p', folder],
    {
      encoding: 'utf8',
    },
  );
  t.is(stdout, '');
});
