/** What .dependency-cruiser.cjs refuses and lets through, tried on a small tree with one mistake per file. */
import { execFile } from 'node:child_process';
import { symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import test from 'ava';
import { temporaryDirectory } from '../helpers/temporary-directory.js';

const root = join(import.meta.dirname, '../..');

/** What there is to import, and the way from main.ts to it. */
const tree: Record<string, string> = {
  'src/errors.ts': 'export type Fault = 1;',
  'src/config.ts': 'export const config = 1;',
  'src/model/call.ts': "import '../errors.js'; export interface Call { id: string }",
  'src/driver/driver.ts': "import '../model/call.js'; export class Driver {}",
  'src/store/sqlite/sqlite.ts': "import '@photostructure/sqlite'; process.getBuiltinModule('node:sqlite');",
  'src/pool/pool.ts': "import '../driver/driver.js'; export class Pool {}",
  'src/instance/wire.ts': "import '../../worker/node/protocol.cjs';",
  'src/http/app.ts': "import Koa from 'koa'; import '../model/call.js'; export default Koa;",
  'src/roles/one.ts':
    "import '../http/app.js'; import '../pool/pool.js'; import '../store/sqlite/sqlite.js'; import '../instance/wire.js'; import '../runtimes/node.js';",
  'src/main.ts': "import './config.js'; import './roles/one.js';",
  'worker/node/protocol.cjs': 'exports.VERSION = 1;',
  'worker/node/entry.cjs': 'exports.findEntry = 1;',
  'src/runtimes/node.ts': "import '../../worker/node/entry.cjs';",
  'worker/node/main.cjs': "require('node:fs'); require('./protocol.cjs');",
  'tests/helper.ts': 'export const help = 1;',
};

/** File → its code and the rule it breaks. */
const mistakes: [path: string, code: string, rule: string][] = [
  ['src/registry/pool.ts', "import { Pool } from '../pool/pool.js'; new Pool();", 'registry-imports'],
  ['src/http/store.ts', "import '../store/sqlite/sqlite.js';", 'http-imports'],
  ['src/http/type.ts', "import type { Pool } from '../pool/pool.js'; export type A = Pool;", 'http-imports'],
  ['src/http/import-type.ts', "export type A = import('../pool/pool.js').Pool;", 'http-imports'],
  ['src/http/dynamic.ts', "await import('../driver/driver.js');", 'http-imports'],
  ['src/http/again.ts', "export * from '../pool/pool.js';", 'http-imports'],
  ['src/invocation/pool.ts', "import '../pool/pool.js';", 'invocation-imports'],
  ['src/cli/app.ts', "import '../http/app.js';", 'cli-imports'],
  ['src/pool/role.ts', "import '../roles/one.js';", 'pool-imports'],
  ['src/roles/two.ts', "import '../main.js';", 'main-is-first'],
  ['src/faults.ts', "import './pool/pool.js';", 'leaf-imports'],
  ['src/cache/a.ts', "import '../model/call.js';", 'unknown-folder'],
  ['src/model/a.ts', "import './b.js';", 'no-circular'],
  // A circle is told once, of one of its files.
  ['src/model/b.ts', "import './a.js';", 'no-orphans'],
  ['src/pool/nothing.ts', "import './nowhere.js';", 'no-unresolvable'],
  ['src/pool/worker.ts', "import '../../worker/node/protocol.cjs';", 'worker-protocol'],
  ['src/instance/worker.ts', "import '../../worker/node/main.cjs';", 'worker-door'],
  ['src/instance/entry.ts', "import '../../worker/node/entry.cjs';", 'worker-entry'],
  ['src/pool/test.ts', "import '../../tests/helper.js';", 'product-only'],
  ['src/pool/docker.ts', "import type Docker from 'dockerode'; export type A = Docker;", 'vendor-dockerode'],
  ['src/pool/koa.ts', "import Koa from 'koa'; new Koa();", 'vendor-koa'],
  ['src/pool/router.ts', "import '@koa/router';", 'vendor-@koa/router'],
  ['src/http/metrics.ts', "import 'prom-client';", 'vendor-prom-client'],
  ['src/pool/sqlite.ts', "process.getBuiltinModule('node:sqlite');", 'vendor-node:sqlite'],
  ['src/pool/other.ts', "import 'semver';", 'vendor-unknown'],
  ['worker/node/pino.cjs', "require('pino');", 'worker-imports'],
  ['worker/node/server.cjs', "require('../../src/errors.ts');", 'worker-imports'],
  [
    'worker/node/types.cjs',
    "/** @type {import('../../src/errors.ts').Fault} */ let fault;",
    'worker-imports',
  ],
  ['worker/python/shared.cjs', "require('../node/protocol.cjs');", 'worker-imports'],
  ['src/pool/orphan.ts', 'export const alone = 1;', 'no-orphans'],
];

interface Violation {
  from: string;
  to: string;
  rule: { name: string };
}

async function violationsIn(directory: string): Promise<Violation[]> {
  const cruise = join(root, 'node_modules/.bin/depcruise');
  const config = join(root, '.dependency-cruiser.cjs');
  const { stdout } = await promisify(execFile)(
    cruise,
    ['--config', config, '--output-type', 'json', 'src', 'worker'],
    { cwd: directory, maxBuffer: 2 ** 26 },
  ).catch((error: unknown) => error as { stdout: string });
  return (JSON.parse(stdout) as { summary: { violations: Violation[] } }).summary.violations;
}

test('each mistake breaks its rule, and what is around it breaks none', async (t) => {
  const wrong = Object.fromEntries(mistakes.map(([path, code]) => [path, code]));
  const directory = temporaryDirectory(t, { ...tree, ...wrong });
  symlinkSync(join(root, 'node_modules'), join(directory, 'node_modules'));
  writeFileSync(join(directory, 'tsconfig.json'), '{"compilerOptions":{"module":"NodeNext","allowJs":true}}');
  const found = await violationsIn(directory);
  const broken = (path: string): string[] =>
    found
      .filter(({ from, to, rule }) => (rule.name === 'no-orphans' ? to : from) === path)
      .map(({ rule }) => rule.name);
  for (const [path, code, rule] of mistakes)
    t.true(broken(path).includes(rule), `${path}: ${code}: ${broken(path).join()}`);
  for (const path of Object.keys(tree)) t.deepEqual(broken(path), [], path);
});
