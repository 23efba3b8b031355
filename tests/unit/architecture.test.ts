/**
 * What may import what, and a few rules for every file of the product. Start here to learn how the folders of `src`
 * relate; the checking is in `tests/helpers/architecture.ts`.
 */
import { readFileSync, readdirSync } from 'node:fs';
import { join, relative } from 'node:path';
import test from 'ava';
import { type File, type Rules, violations } from '../helpers/architecture.js';

const rules: Rules = {
  // Folder of src → the folders it may import.
  folders: {
    cli: [], // it talks to the server over HTTP, like everybody else
    http: ['invocation', 'registry', 'accounts'],
    accounts: ['store'],
    invocation: ['registry', 'store', 'pool'],
    registry: ['store'], // the load check, which needs a container, is handed to it as a function
    pool: ['driver', 'ipc'],
    ipc: [], // and worker/protocol.cjs, the one door between the two programs
    driver: [],
    store: [],
  },
  leaves: ['config.ts', 'errors.ts', 'faults.ts', 'logger.ts', 'metrics.ts'],
  roots: ['main.ts', 'runtime.ts'],
  sharedTypes: 'src/store/records.ts',

  // Package → the files that may import it: one vendor, one place.
  vendors: {
    dockerode: /^src\/driver\/(docker-[^/]+|engine|base-image|bridge-network)\.ts$/,
    '@photostructure/sqlite': /^src\/store\//,
    'node:sqlite': /^src\/store\//,
    'adm-zip': /^src\/(registry\/(bundle|zip)[^/]*|cli\/archive)\.ts$/,
    'tar-stream': /^src\/(driver|registry)\//,
    koa: /^src\/http\//,
    '@koa/router': /^src\/http\//,
    'koa-body': /^src\/http\//,
    multer: /^src\/http\//,
    pino: /^src\/logger\.ts$/,
    'prom-client': /^src\/metrics\.ts$/,
    zod: /^src\//,
  },

  environment: 'src/config.ts',
  maxLines: 250,
  namelessFile: /(^|\/)(index|utils?|common|helpers?|types)(\.|\/)/,
  machinePath: /(?<![\w.$}])\/(home|root|work|Users)\/\w*/,
};

const root = join(import.meta.dirname, '../..');

/** The files below a folder whose name fits. */
function filesBelow(folder: string, name: RegExp): File[] {
  return readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && name.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name))
    .map((file) => ({ path: relative(root, file), text: readFileSync(file, 'utf8') }));
}

test('src, worker, scripts and the README keep the rules', (t) => {
  const files = [
    ...filesBelow('src', /\.ts$/),
    ...filesBelow('worker', /\.(cjs|md)$/),
    ...filesBelow('scripts', /\.(sh|mjs)$/),
    ...readdirSync(root)
      .filter((name) => name === 'README.md')
      .map((path) => ({ path, text: readFileSync(join(root, path), 'utf8') })),
  ];
  t.true(files.length > 20, 'too few files: are they looked for in the right place?');
  t.deepEqual(violations(files, rules), []);
});

test('the tables name no circle and only folders they know', (t) => {
  const order: string[] = [];
  while (order.length < Object.keys(rules.folders).length) {
    const next = Object.entries(rules.folders).find(
      ([folder, imports]) => !order.includes(folder) && imports.every((each) => order.includes(each)),
    );
    if (next === undefined) break;
    order.push(next[0]);
  }
  t.deepEqual(order.sort(), Object.keys(rules.folders).sort());
});

/** One file with an opening comment, so that nothing but `code` can be wrong with it. */
const check = (path: string, code: string) => violations([{ path, text: `/** Owns. */\n${code}\n` }], rules);

const allowed: [path: string, code: string][] = [
  ['src/http/routes/invoke.ts', "import { Invoker } from '../../invocation/invoker.js';"],
  ['src/http/app.ts', "import { GlambdarError } from '../errors.js'; import Koa from 'koa';"],
  ['src/http/app.ts', "import type { FunctionSettings } from '../store/records.js';"],
  ['src/http/app.ts', "type A = import('../store/records.js').FunctionSettings;"],
  ['src/runtime.ts', "import { Pool } from './pool/pool.js'; import './http/app.js';"],
  ['src/ipc/frame.ts', "import { VERSION } from '../../worker/protocol.cjs';"],
  ['src/store/sqlite.ts', "process.getBuiltinModule('node:sqlite'); import '@photostructure/sqlite';"],
  ['src/driver/docker-driver.ts', "import type Docker from 'dockerode';"],
  ['src/config.ts', 'export const env = process.env;'],
  ['src/pool/pool.ts', "// process.env\nconst text = 'process.env';"],
  ['worker/main.cjs', "const fs = require('node:fs'); require('./protocol.cjs'); import(where);"],
  ['scripts/a.sh', 'cd "$folder/home/x"; ls ./work/x'],
];
for (const [path, code] of allowed) {
  test(`${path} may: ${code}`, (t) => {
    t.deepEqual(check(path, code), []);
  });
}

const refused: [path: string, code: string, sentence: RegExp][] = [
  ['src/registry/a.ts', "import { Pool } from '../pool/pool.js';", /registry may not import pool/],
  ['src/http/a.ts', "import { SqliteStore } from '../store/sqlite-store.js';", /http may not import store/],
  ['src/http/a.ts', "import { shape } from '../store/records.js';", /http may not import store/],
  ['src/http/a.ts', "await import('../driver/docker-driver.js');", /http may not import driver/],
  ['src/http/a.ts', "export * from '../pool/pool.js';", /http may not import pool/],
  ['src/http/a.ts', "type A = import('../pool/pool.js').Pool;", /http may not import pool/],
  ['src/cli/a.ts', "import { createApp } from '../http/app.js';", /cli may not import http/],
  ['src/pool/a.ts', "import { start } from '../runtime.js';", /pool may not import runtime\.ts/],
  ['src/runtime.ts', "import './main.js';", /imports src\/main\.ts/],
  ['src/errors.ts', "import type { Pool } from './pool/pool.js';", /is a leaf and imports/],
  ['src/pool/a.ts', 'await import(name);', /no literal/],
  ['src/pool/a.ts', "import '../../worker/protocol.cjs';", /only ipc may import the worker/],
  ['src/ipc/a.ts', "import '../../worker/handler.cjs';", /only its protocol/],
  ['src/pool/a.ts', "import type Docker from 'dockerode';", /dockerode, which belongs in/],
  ['src/http/a.ts', "const { DatabaseSync } = require('node:sqlite');", /node:sqlite, which belongs in/],
  ['src/http/a.ts', "import lodash from 'lodash/fp';", /lodash, which has no row/],
  ['worker/a.cjs', "const { pino } = require('pino');", /the worker imports pino/],
  [
    'worker/a.cjs',
    "/** @type {import('../src/errors.ts').Fault} */ let fault;",
    /the worker imports src\/errors\.ts/,
  ],
  ['worker/a.cjs', "/** @import { Fault } from '../src/errors.ts' */", /the worker imports src\/errors\.ts/],
  ['src/pool/a.ts', 'export const where = process.env.HOME;', /reads process\.env/],
  ['src/pool/a.ts', "export const where = process['env'];", /reads process\.env/],
  ['src/pool/a.ts', 'const { argv, env: e } = process;', /reads process\.env/],
  ['src/pool/a.ts', "import { env } from 'node:process';", /reads process\.env/],
  ['src/pool/index.ts', '', /a name that says nothing/],
  ['src/pool/utils/a.ts', '', /a name that says nothing/],
  ['src/pool/a.ts', '//\n'.repeat(250), /has 252 lines, more than 250/],
  ['src/cache/a.ts', '', /lies in cache, which has no row/],
  ['scripts/a.sh', 'cd /root/project', /a path of some machine: \/root\/project/],
];
for (const [path, code, sentence] of refused) {
  test(`${path} may not: ${code.slice(0, 80)}`, (t) => {
    const found = check(path, code);
    t.is(found.length, 1, found.join('\n'));
    t.regex(found[0] ?? '', sentence);
  });
}

test('a file without an opening comment is refused', (t) => {
  const found = violations([{ path: 'src/pool/a.ts', text: "import fs from 'node:fs';\n" }], rules);
  t.deepEqual(found, ['src/pool/a.ts does not open with a comment that says what it owns']);
});

test('a circle of folders is found whatever the table allows', (t) => {
  const files = [
    { path: 'src/http/a.ts', text: "// Owns.\nimport '../registry/b.js';\n" },
    { path: 'src/registry/b.ts', text: "// Owns.\nimport '../store/c.js';\n" },
    { path: 'src/store/c.ts', text: "// Owns.\nimport '../http/a.js';\n" },
  ];
  t.true(violations(files, rules).includes('a circle of folders: http → registry → store → http'));
});
