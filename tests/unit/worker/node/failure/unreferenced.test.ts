import test from 'ava';
import { FunctionProcess } from '../../../../helpers/function-process.js';

const evaluator = `
const { once } = require('node:events');
const timers = require('node:timers/promises');
const net = require('node:net');
const { spawn } = require('node:child_process');
exports.handler = async (req, context) => {
  const run = new Function('once', 'timers', 'net', 'spawn', 'context', 'return (async () => {' + req.body + '})()');
  await run(once, timers, net, spawn, context);
  return { body: 'done' };
};`;

const waits: [what: string, code: string][] = [
  ['AbortSignal.timeout', "await once(AbortSignal.timeout(60), 'abort');"],
  ['AbortSignal.any', "await once(AbortSignal.any([context.signal, AbortSignal.timeout(60)]), 'abort');"],
  ['an unreferenced timer', 'await new Promise((resolve) => setTimeout(resolve, 60).unref());'],
  ['a timer promise with ref: false', 'await timers.setTimeout(60, null, { ref: false });'],
  [
    'an unreferenced interval',
    'let n = 0; await new Promise((resolve) => { const timer = setInterval(() => { if (++n === 3) { clearInterval(timer); resolve(); } }, 20); timer.unref(); });',
  ],
  [
    'a chain of unreferenced timers',
    'for (let i = 0; i < 3; i++) await timers.setTimeout(20, null, { ref: false });',
  ],
  ['Atomics.waitAsync', 'await Atomics.waitAsync(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 60).value;'],
  [
    'an unreferenced socket',
    "const server = net.createServer((peer) => setTimeout(() => peer.end('x'), 60).unref()).listen(0, '127.0.0.1'); await once(server, 'listening'); server.unref(); const socket = net.connect(server.address().port, '127.0.0.1'); socket.unref(); await once(socket, 'data');",
  ],
  [
    'an unreferenced child process',
    "const child = spawn(process.execPath, ['-e', ''], { stdio: 'ignore' }); child.unref(); await once(child, 'exit');",
  ],
];

for (const [what, code] of waits)
  test(`a handler may wait for ${what}`, async (t) => {
    const fn = await FunctionProcess.load(t, evaluator);
    t.is(await fn.json({ body: code }), 'done');
  });

test('a promise that can never settle is told at once after a garbage collection, too', async (t) => {
  const fn = await FunctionProcess.load(t, evaluator);
  const litter = 'let kept; for (let i = 0; i < 300; i++) kept = new Array(1e5).fill(i);';
  const begun = performance.now();
  t.is((await fn.failure({ body: `${litter} await new Promise(() => {});` })).kind, 'unsettled');
  t.true(performance.now() - begun < 5_000, 'V8 has a timer of eight seconds for its next collection');
});

test('a promise that nothing settles is told when the last unreferenced timer has fired', async (t) => {
  const fn = await FunctionProcess.load(t, evaluator);
  const { kind } = await fn.failure({
    body: 'setTimeout(() => {}, 60).unref(); await new Promise(() => {});',
  });
  t.is(kind, 'unsettled');
  t.is(await fn.json({ body: '' }), 'done', 'and the worker is still there');
});

test('a module may wait for an unreferenced timer while it is loaded', async (t) => {
  const fn = await FunctionProcess.load(t, {
    'index.mjs':
      "import { setTimeout } from 'node:timers/promises'; await setTimeout(60, null, { ref: false }); export const handler = () => ({ body: 'loaded' });",
  });
  t.is(await fn.json(), 'loaded');
});
