import { execFile } from 'node:child_process';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { promisify } from 'node:util';
import test from 'ava';
import type { InvokeMessage } from '../../../../worker/node/protocol.cjs';
import { FunctionProcess } from '../../../helpers/function-process.js';

const worker = join(import.meta.dirname, '../../../../worker/node');
const require = createRequire(import.meta.url);
const { createWarmUp } = require(
  join(worker, 'warm-up.cjs'),
) as typeof import('../../../../worker/node/warm-up.cjs');

/** Runs the whole warm-up of a worker without a host, and tells what user code could notice of it. */
const OBSERVER = `
  const { createJobs } = require(${JSON.stringify(join(worker, 'jobs.cjs'))});
  const { createWarmUp } = require(${JSON.stringify(join(worker, 'warm-up.cjs'))});
  const sent = [];
  const socket = { write: (part) => sent.push(part), cork() {}, uncork() {}, ref() {}, unref() {} };
  const jobs = createJobs(socket, '/nowhere');
  const snapshot = () => JSON.stringify({
    globals: Reflect.ownKeys(globalThis).map(String),
    process: Reflect.ownKeys(process).map(String),
    listeners: process.eventNames().map((name) => [String(name), process.listenerCount(name)]),
    streams: [process.stdout, process.stderr].map((s) => [s.writableLength, s.eventNames().map(String), Reflect.ownKeys(s).map(String)]),
    cache: Object.keys(require.cache),
    argv: process.argv, env: process.env, cwd: process.cwd(), exitCode: process.exitCode ?? null,
    idle: jobs.isIdle(), loaded: jobs.isLoaded(), sent: sent.length,
  });
  for (const path of ['handler.cjs', 'failure/missing-entry.cjs']) require(${JSON.stringify(worker)} + '/' + path);
  const before = snapshot();
  let left = 12;
  const { rehearse } = jobs;
  jobs.rehearse = (...call) => rehearse(...call).then(() => {
    if (--left === 0) setImmediate(() => require('node:fs').writeSync(1, JSON.stringify([before, snapshot()])));
  });
  createWarmUp(jobs);
  setInterval(() => undefined, 10).unref();
  const wait = setInterval(() => left === 0 && clearInterval(wait), 5);
`;

test('nothing that user code could look at is changed by the warm-up, and nothing is said', async (t) => {
  const { stdout, stderr } = await promisify(execFile)(process.execPath, ['-e', OBSERVER]);
  t.is(stderr, '');
  const [before, after] = JSON.parse(stdout) as [string, string];
  t.deepEqual(JSON.parse(after), JSON.parse(before));
});

/** Jobs that only count; `enough` resolves after so many rehearsals. */
function counted(loaded: boolean, wanted: number) {
  const seen: InvokeMessage[] = [];
  let resolve!: () => void;
  const enough = new Promise<void>((done) => (resolve = done));
  // The worker's timers keep no process alive; its socket does.
  const alive = setInterval(() => undefined, 60_000);
  const jobs = {
    receive: () => undefined,
    isIdle: () => true,
    isLoaded: () => loaded,
    rehearse: async (message: InvokeMessage) => {
      if (seen.push(message) !== wanted) return;
      clearInterval(alive);
      resolve();
    },
  };
  return { jobs, seen, enough, stop: () => clearInterval(alive) };
}

test('a worker that is idle rehearses calls, and then it is still', async (t) => {
  const { jobs, seen, enough } = counted(false, 12);
  createWarmUp(jobs);
  await enough;
  await new Promise((resolve) => setImmediate(resolve));
  t.is(seen.length, 12);
  t.like(seen[0], { type: 'invoke', method: 'POST' });
});

test('nothing is rehearsed in a process that has the user’s code', async (t) => {
  const loaded = counted(true, 1);
  createWarmUp(loaded.jobs);
  const { jobs, enough } = counted(false, 12);
  createWarmUp(jobs);
  await enough;
  t.deepEqual(loaded.seen, []);
  loaded.stop();
});

test('the first calls of a worker that was idle are the user’s alone', async (t) => {
  const fn = await FunctionProcess.load(
    t,
    "const seen = []; exports.handler = async (req) => { seen.push(req.id); console.log('x'); return { body: seen }; };",
  );
  await fn.json();
  t.deepEqual(await fn.json(), ['call-1', 'call-2']);
  t.is(fn.logs.stdout, 'x\n');
});
