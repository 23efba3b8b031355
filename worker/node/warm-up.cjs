/**
 * Owns what the worker does while nothing is asked of it: it runs what a load and a call will need, so that it is compiled
 * when they come. A first call took fifteen times as long as a second one without it.
 *
 * None of it can be seen by the user's code: it runs before there is any, in a process that has nothing else to do. A load
 * that comes before it is done ends it.
 */
'use strict';
const { encodeFrame, FrameDecoder } = require('./protocol.cjs');

/**
 * @typedef {import('./jobs.cjs').Jobs} Jobs
 * @typedef {{ pause(): void }} WarmUp `pause`: something has come, be quiet until it is done
 */

/** So long nothing may have come: a cold call's load and call follow one another at once, and must not be held up. */
const QUIET_MS = 15;
/** A function runs faster from its second time on, when V8 has seen what it is given. */
const REHEARSALS = 12;

const BODY = Buffer.from('{"name":"Ada"}');
/** @type {import('./protocol.cjs').InvokeMessage} */
const MESSAGE = {
  type: 'invoke',
  id: '0000000000000000',
  invocationId: '00000000-0000-4000-8000-000000000000',
  version: 1,
  method: 'POST',
  path: '/a',
  query: 'a=1&b=2&b=3',
  headers: [
    ['content-type', 'application/json'],
    ['user-agent', 'curl/8.0.0'],
    ['accept', '*/*'],
    ['accept', 'text/plain'],
  ],
  timeoutMs: 30_000,
  maxResponseBytes: 1024 * 1024,
};

/** What an ordinary handler does with what it is given. @param {any} req @param {any} context */
async function ordinary(req, context) {
  const input = await req.json();
  return {
    statusCode: 200,
    headers: { 'x-a': '1' },
    body: {
      hello: input.name,
      type: req.headers['content-type'],
      left: context.remainingTimeMs(),
      text: req.body,
      known: 'accept' in req.headers,
    },
  };
}

/** Answers a text, as a handler that knows nothing of JSON does. */
async function plain() {
  return { headers: { 'content-type': 'text/plain' }, body: 'hello' };
}

/** @param {Jobs} jobs @returns {WarmUp} */
function createWarmUp(jobs) {
  /** @type {(() => unknown)[]} */
  const beforeLoad = [warmRequire, warmImport, warmConsole];
  let rehearsals = 0;
  /** @type {NodeJS.Timeout} */
  let timer;
  /** @type {NodeJS.Immediate | undefined} */
  let next;
  let step = () => undefined;

  const quiet = () => {
    // Not at once: after a stall of the process what has come meanwhile is read between the two.
    timer = setTimeout(() => (next = setImmediate(step)), QUIET_MS).unref();
  };

  const rehearse = () => {
    rehearsals += 1;
    const frames = encodeFrame(MESSAGE, BODY);
    const decoder = new FrameDecoder({ maxHeaderBytes: 4096, maxBodyBytes: 4096 }, (header, body) => {
      void jobs.rehearse(/** @type {any} */ (header), body, rehearsals % 4 === 0 ? plain : ordinary);
    });
    for (const frame of frames) decoder.push(frame);
  };
  step = () => {
    next = undefined;
    if (!jobs.isIdle()) {
      quiet();
      return;
    }
    // From then on the process is the user's, too.
    if (jobs.isLoaded()) return;
    try {
      (beforeLoad.shift() ?? rehearse)();
    } catch {
      return; // slower, that is all
    }
    if (rehearsals < REHEARSALS) next = setImmediate(step);
  };
  quiet();
  return {
    pause() {
      if (rehearsals === REHEARSALS) return;
      clearTimeout(timer);
      clearImmediate(next);
      next = undefined;
      quiet();
    },
  };
}

/** The way to a CommonJS module, for one that exists and one that does not. */
function warmRequire() {
  const { loadHandler } = require('./handler.cjs');
  // There is none here: this looks for one and fails before it sets anything.
  loadHandler(__dirname, null).catch(() => undefined);
  const Module = require('node:module');
  Module.createRequire(__filename).resolve(__filename);
  const module = /** @type {any} */ (new Module(`${__dirname}/warm.cjs`));
  module._compile('exports.handler = async () => ({});', module.id);
}

/** The loader of ES modules, which comes to life with the first one. */
function warmImport() {
  const nothing = 'data:text/javascript,';
  import(nothing).catch(() => undefined);
}

/** What prints, on streams of its own. */
function warmConsole() {
  const { Writable } = require('node:stream');
  const stdout = new Writable({ write: (_chunk, _encoding, done) => done() });
  const printer = new console.Console({ stdout, stderr: stdout });
  printer.log('%s %o', 'a', { b: 1 });
  printer.error(new Error('a').message, [1]);
}

module.exports = { createWarmUp };
