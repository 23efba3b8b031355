import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { bundledModules } from '../../../src/runtimes/bundled-modules.js';
import { InstalledRuntime } from '../../../src/runtimes/installed-runtime.js';
import { node } from '../../../src/runtimes/node.js';

function install(t: ExecutionContext, modules: Record<string, string>): string {
  const root = mkdtempSync(join(tmpdir(), 'glambdar-worker-files-'));
  t.teardown(() => rmSync(root, { recursive: true }));
  for (const [name, source] of Object.entries(modules)) {
    mkdirSync(dirname(join(root, name)), { recursive: true });
    writeFileSync(join(root, name), source, { mode: 0o600 });
  }
  const workerFiles = () => ({ 'main.cjs': bundledModules(root) });
  const runtime = new InstalledRuntime({ ...node, workerFiles }, join(root, 'installed'));
  runtime.repair();
  return runtime.workerDir;
}

test('the installed worker is one file in which modules find each other, built-ins and files of the user', (t) => {
  const target = install(t, {
    'main.cjs':
      "const { add } = require('./sum.cjs'); console.log(add(1, 2), require('node:path').sep, require(__filename) !== undefined);",
    'sum.cjs': "'use strict';\nexports.add = (a, b) => a + b; // the last line is a comment",
    'README.md': 'not a module',
  });
  const { stdout, stderr } = spawnSync(process.execPath, [join(target, 'main.cjs')], { encoding: 'utf8' });
  t.is(stderr, '');
  t.is(stdout.trim(), '3 / true');
});

test('a module of the installed worker runs once however often it is required', (t) => {
  const target = install(t, {
    'main.cjs': "require('./a.cjs'); require('./a.cjs'); require('./b.cjs');",
    'a.cjs': "console.log('a');",
    'b.cjs': "require('./a.cjs'); console.log('b');",
  });
  const { stdout } = spawnSync(process.execPath, [join(target, 'main.cjs')], { encoding: 'utf8' });
  t.is(stdout, 'a\nb\n');
});

test('modules of the installed worker find each other by relative paths from any folder', (t) => {
  const target = install(t, {
    'main.cjs':
      "const name = 'c'; console.log(require('./a/b/' + name + '.cjs').said, require('./top.cjs').loads);",
    'top.cjs': 'exports.loads = globalThis.loads = (globalThis.loads ?? 0) + 1;',
    'a/top.cjs': "exports.what = 'the one in a';",
    'a/b/c.cjs':
      "require('../../top.cjs'); exports.said = require('../top.cjs').what + ', ' + require('./d.cjs') + ' beside me';",
    'a/b/d.cjs': "module.exports = require('node:path').basename('x/d');",
  });
  const { stdout, stderr } = spawnSync(process.execPath, [join(target, 'main.cjs')], { encoding: 'utf8' });
  t.is(stderr, '');
  t.is(stdout.trim(), 'the one in a, d beside me 1');
});

test('the installed worker names a module of its own that it lacks', (t) => {
  const target = install(t, { 'main.cjs': "require('./a/b.cjs');", 'a/b.cjs': "require('./main.cjs');" });
  const { stderr } = spawnSync(process.execPath, [join(target, 'main.cjs')], { encoding: 'utf8' });
  t.regex(stderr, /Error: the worker has no module a\/main\.cjs/);
});

test('the installed worker can be read by every uid though the checkout cannot', (t) => {
  const target = install(t, { 'main.cjs': '' });
  t.is(statSync(target).mode & 0o777, 0o755);
  t.is(statSync(join(target, 'main.cjs')).mode & 0o777, 0o644);
});
