import fs from 'node:fs';
import { dirname, join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import type { Dependencies } from '../../../src/deploy/dependencies.js';
import type { DeployResult } from '../../../src/deploy/deployments.js';
import { entryHints } from '../../../src/deploy/entry-file.js';
import { GlambdarError } from '../../../src/errors.js';
import { node } from '../../../src/runtimes/node.js';
import { buildZip } from '../../helpers/hostile-zip.js';
import { f, never, RegistryFixture } from '../../helpers/registry-fixture.js';
import { temporaryDirectory } from '../../helpers/temporary-directory.js';

type Files = Record<string, string>;

/** Deploys files; installs are counted. */
function deploying(t: ExecutionContext): {
  deploy: (files: Files, fields?: Record<string, string>) => Promise<DeployResult>;
  installs: () => number;
} {
  let installs = 0;
  const dependencies: Dependencies = {
    add: async () => {
      installs += 1;
      return undefined;
    },
    release: () => undefined,
  };
  const { pipeline } = new RegistryFixture(t, { dependencies });
  const path = join(temporaryDirectory(t), 'upload.zip');
  return {
    deploy: (files, fields = {}) => {
      const entries = Object.entries(files).map(([name, content]) => ({ name, content }));
      fs.writeFileSync(path, buildZip(entries));
      return pipeline.deploy({ source: { format: 'zip', path }, ref: f, fields, signal: never });
    },
    installs: () => installs,
  };
}

const manifest = '{"dependencies":{"left-pad":"1.3.0"}}';

const refused: [what: string, files: Files, message: RegExp, handler?: string][] = [
  ['no entry file', { 'package.json': manifest, 'run.txt': '' }, /no entry file: .*found "package\.json"/],
  ['another language', { 'handler.py': '', 'package.json': manifest }, /found "handler\.py".* as an image/],
  [
    'a main that nobody has built',
    { 'package.json': '{"main":"dist/app.js"}', 'src/app.ts': '' },
    /package\.json names "dist\/app\.js" as its "main", which is not in the zip/,
  ],
  ['a handler that names no file', { 'index.js': '' }, /handler "app\.run": no file app /, 'app.run'],
  ['a package.json that is no JSON', { 'package.json': '{', 'index.js': '' }, /is not valid JSON/],
];

for (const [what, files, message, handler] of refused)
  test(`${what} is refused before dependencies are installed`, async (t) => {
    const { deploy, installs } = deploying(t);
    const error = await t.throwsAsync(deploy(files, handler === undefined ? {} : { handler }), {
      instanceOf: GlambdarError,
    });
    t.is(error.code, 'LOAD_FAILED');
    t.is(error.status, 422);
    t.regex(error.message, message);
    t.true(error.message.startsWith('The function does not load: '));
    t.is(installs(), 0);
  });

test('an entry file that an install may bring is looked for after it', async (t) => {
  const { deploy, installs } = deploying(t);
  await deploy({ 'package.json': '{"main":"node_modules/app/index.js"}' });
  await deploy({ 'package.json': manifest }, { handler: 'node_modules/app/index.handler' });
  t.is(installs(), 2);
});

test('a handler may name the folder that was taken off the paths of the archive', async (t) => {
  const { deploy } = deploying(t);
  await t.notThrowsAsync(deploy({ 'app/index.js': '', 'app/run.js': '' }, { handler: 'app/run.handler' }));
});

test('of two files of one name the answer to a deploy says which one runs', async (t) => {
  const { deploy } = deploying(t);
  const hints = async (files: Files, handler?: string): Promise<string[]> =>
    (await deploy(files, handler === undefined ? {} : { handler })).hints ?? [];
  const older = 'If index.mjs is an older build of it, build again, or leave index.mjs out.';
  const beside = ['index.mjs runs; index.ts beside it does not. ' + older];
  t.deepEqual(await hints({ 'index.mjs': '', 'index.ts': '' }), beside);
  t.deepEqual(await hints({ 'index.mjs': '', 'index.ts': '', 'package.json': '{"type":"module"}' }), beside);
  t.deepEqual(await hints({ 'index.mjs': '', 'index.ts': '', 'package.json': '{"main":"index"}' }), beside);
  t.deepEqual(await hints({ 'index.js': '', 'index.mjs': '' }), [
    'index.js runs; index.mjs beside it does not. Leave out what is not meant.',
  ]);
  t.deepEqual(await hints({ 'dist/index.js': '', 'index.ts': '', 'package.json': '{"main":"dist"}' }), []);
  t.deepEqual(await hints({ 'index.js': '', 'index.d.ts': '', 'other.ts': '' }), []);
  // The last one: a function keeps its setting.
  const three = { 'a/run.js': '', 'a/run.ts': '', 'a/run.cts': '', 'index.js': '' };
  t.deepEqual(await hints(three, 'a/run.handler'), [
    'a/run.js runs; a/run.ts and a/run.cts beside it do not. If a/run.js is an older build of them, build again, or leave a/run.js out.',
  ]);
});

test('a package.json that is too large to be read here is left to the install', (t) => {
  const file = join(temporaryDirectory(t), 'package.json');
  fs.writeFileSync(file, ' '.repeat(2 ** 20 + 1));
  t.is(node.foreseeEntry(dirname(file), null), null);
  t.deepEqual(entryHints(null), []);
});

/** What is said of the files of a folder, or which one runs. */
function foreseen(t: ExecutionContext, files: Files, folders: readonly string[] = []): string {
  const root = join(temporaryDirectory(t), 'code');
  fs.mkdirSync(root);
  for (const folder of folders) fs.mkdirSync(join(root, folder));
  for (const [name, content] of Object.entries(files)) fs.writeFileSync(join(root, name), content);
  const found = node.foreseeEntry(root, null);
  return found === null ? '' : 'problem' in found ? found.problem : found.file;
}

test('of many folders without an entry file at the root, the first hundred are looked into', (t) => {
  const folders = Array.from({ length: 101 }, (_, index) => `folder${String(index).padStart(3, '0')}`);
  t.regex(
    foreseen(t, { 'folder099/index.js': '' }, folders),
    /There is folder099\/index\.js: set handler to "folder099\/index\.handler"/,
  );
  t.notRegex(foreseen(t, { 'folder100/index.js': '' }, folders), /There is/);
});

test('a main longer than any path in a bundle is not looked for, and shown in part', (t) => {
  const problem = foreseen(t, { 'package.json': JSON.stringify({ main: 'a/'.repeat(2 ** 18) }) });
  t.regex(problem, /package\.json names "a\/a\/[^"]*…" as its "main", which is not in the zip/);
  t.true(problem.length < 1_000, `${problem.length} characters`);
});

test('a main that names the folder itself is no file beside the folder', (t) => {
  t.is(foreseen(t, { 'package.json': '{"main":"."}', 'index.cjs': '', '../code.js': '' }), 'index.cjs');
});

test('a folder with the name of an entry file is not told to be renamed to its own name', (t) => {
  t.notRegex(foreseen(t, {}, ['index.js']), /rename/);
  t.regex(foreseen(t, {}, ['Index.js']), /rename Index\.js to index\.js/);
});
