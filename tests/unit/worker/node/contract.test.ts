/** The seam between the worker and its contracts: one file and one row each. */
import { cpSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { CONTRACTS } from '../../../../src/model/contracts.js';
import { bundledModules } from '../../../../src/runtimes/bundled-modules.js';
import { FunctionProcess } from '../../../helpers/function-process.js';

const worker = join(import.meta.dirname, '../../../../worker');

/** A contract of nobody's: `exports.main = (text, tell)`, answered by all that was told, in capitals. */
const SHOUT = `
'use strict';
const { ownExport } = require('../exports.cjs');
const { BadResponse } = require('../response.cjs');

module.exports = {
  lookUp: { expected: 'an export named "main"', pick: (exports) => ownExport(exports, 'main') },
  call({ handler, name }, message, body, signal) {
    const told = [name, message.method, signal().aborted];
    return Promise.resolve(handler(body.toString(), (text) => told.push(text))).then(() => told);
  },
  render(told) {
    if (told.length === 3) throw new BadResponse('nothing was told.');
    const body = Buffer.from(told.join(' ').toUpperCase());
    return { statusCode: 201, headers: [['x-told', String(told.length)]], body };
  },
};
`;

/** Installs the worker with that contract beside its own, as the server installs it; gives the path of its `main.cjs`. */
function workerWithShout(t: { teardown(end: () => void): void }): string {
  const dir = mkdtempSync(join(tmpdir(), 'glambdar-contract-'));
  t.teardown(() => rmSync(dir, { recursive: true }));
  cpSync(join(worker, 'node'), join(dir, 'source'), { recursive: true });
  writeFileSync(join(dir, 'source/contracts/shout.cjs'), SHOUT);
  writeFileSync(join(dir, 'main.cjs'), bundledModules(join(dir, 'source')));
  return join(dir, 'main.cjs');
}

test('a contract is one file beside the others: a worker finds, calls and renders by it', async (t) => {
  const fn = await FunctionProcess.start(t, workerWithShout(t));
  await fn.load(
    "exports.main = async (text, tell) => { tell(text); if (text === 'bad') throw new Error('no'); };",
    {
      contract: 'shout',
    },
  );
  const { message, text } = await fn.answer({ body: 'hello' });
  t.deepEqual(
    [message.statusCode, message.headers, text],
    [201, [['x-told', '4']], 'HELLO POST FALSE HELLO'],
  );
  t.like(await fn.failure({ body: 'bad' }), { kind: 'function', error: { message: 'no' } });
});

test('a value that a contract cannot render fails the call as a bad response', async (t) => {
  const fn = await FunctionProcess.start(t, workerWithShout(t));
  await fn.load('exports.main = () => 1;', { contract: 'shout' });
  t.like(await fn.failure(), { kind: 'bad-response', error: { message: 'nothing was told.' } });
});

test('a function without the handler of its contract is told which export the contract expects', async (t) => {
  const fn = await FunctionProcess.start(t, workerWithShout(t));
  const error = await t.throwsAsync(fn.load('exports.handler = () => 1;', { contract: 'shout' }));
  t.regex(error.message, /index\.js has no handler: expected an export named "main", found "handler"\./);
});

test('the contracts beside the worker are those of the same runtime in the table', (t) => {
  const rows = Object.entries(CONTRACTS).filter(([, { runtime }]) => runtime === 'node');
  t.deepEqual(readdirSync(join(worker, 'node/contracts')).sort(), rows.map(([name]) => `${name}.cjs`).sort());
});

test('every contract of the table has a description of one line and belongs to a worker', (t) => {
  for (const [name, { runtime, description }] of Object.entries(CONTRACTS)) {
    if (runtime === null) continue;
    t.regex(name, /^[a-z][a-z0-9-]*$/);
    t.regex(description, /^.{10,120}$/, name);
    t.true(readdirSync(worker).includes(runtime), name);
  }
});
