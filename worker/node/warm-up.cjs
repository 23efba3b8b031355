/**
 * Owns the warm-up of the worker: while nothing is asked of it, the worker runs the code that a load and a call will need,
 * so that V8 has compiled it by then. Without the warm-up a first call took fifteen times as long as a second one.
 *
 * The user's code cannot see the warm-up, which runs before any of the user's code is loaded. A load that comes earlier
 * ends the warm-up.
 */
'use strict';
const native = require('./contracts/glambdar.cjs');
const { hintsOfHandler, hintOfServer } = require('./failure/load-hints.cjs');
const { heldNow } = require('./failure/left-running.cjs');
const { loadHandler } = require('./handler.cjs');
const { encodeFrame, FrameDecoder } = require('./protocol.cjs');

/**
 * @typedef {import('./jobs.cjs').Jobs} Jobs
 * @typedef {import('./contract.cjs').LoadedFunction} LoadedFunction
 * @typedef {{ pause(): void }} WarmUp `pause` is called for every message of the host: the warm-up then waits for quiet again
 */

/** The warm-up begins after this long without a message: the load and the call of a cold start must not be held up. */
const QUIET_MS = 15;
/** Number of rehearsed calls. V8 compiles a function better once it has seen some arguments, so one rehearsal is not enough. */
const REHEARSALS = 12;

/** Each round makes 32 KiB of young objects: more than V8 keeps at this age of a process before it collects them. */
const MAX_LITTER_ROUNDS = 64;

/** The call that is rehearsed. */
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

/** Uses all parts of a request that handlers ordinarily use, and answers JSON. @type {LoadedFunction} */
const ORDINARY = {
  contract: native,
  name: '',
  memoryMb: 0,
  handler: async (/** @type {any} */ req, /** @type {any} */ context) => {
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
  },
};

/** Answers a text without JSON. @type {LoadedFunction} */
const PLAIN = {
  contract: native,
  name: '',
  memoryMb: 0,
  handler: async () => ({ headers: { 'content-type': 'text/plain' }, body: 'hello' }),
};

/** @param {Jobs} jobs @returns {WarmUp} */
function createWarmUp(jobs) {
  /** @type {(() => unknown)[]} */
  const beforeLoad = [warmRequire, warmImport, warmConsole, warmHints];
  let rehearsals = 0;
  /** @type {NodeJS.Timeout} */
  let timer;
  /** @type {NodeJS.Immediate | undefined} */
  let next;
  let step = () => undefined;

  const quiet = () => {
    // Through setImmediate: after a stall of the process, messages that came during it are read before the warm-up begins.
    timer = setTimeout(() => (next = setImmediate(step)), QUIET_MS).unref();
  };

  const rehearse = () => {
    rehearsals += 1;
    const frames = encodeFrame(MESSAGE, BODY);
    const decoder = new FrameDecoder({ maxHeaderBytes: 4096, maxBodyBytes: 4096 }, (header, body) => {
      void jobs.rehearse(/** @type {any} */ (header), body, rehearsals % 4 === 0 ? PLAIN : ORDINARY);
    });
    for (const frame of frames) decoder.push(frame);
  };
  step = () => {
    next = undefined;
    // The process belongs to the user's code, too, once a load has begun. A timer of the warm-up would look like one of that code.
    if (jobs.isLoaded()) return;
    if (!jobs.isIdle()) {
      quiet();
      return;
    }
    try {
      (beforeLoad.shift() ?? rehearse)();
    } catch {
      return; // Only the first call will be slower.
    }
    if (rehearsals < REHEARSALS) next = setImmediate(step);
    else collectYoungObjects();
  };
  quiet();
  return {
    pause() {
      if (rehearsals === REHEARSALS) return;
      clearTimeout(timer);
      clearImmediate(next);
      next = undefined;
      if (!jobs.isLoaded()) quiet();
    },
  };
}

/**
 * Has V8 collect its young objects, by making some until it does. Such a collection takes about a millisecond, and after a
 * warm-up the next one is near: it would fall between the first load and the first call.
 */
function collectYoungObjects() {
  const v8 = require('node:v8');
  const young = () =>
    v8.getHeapSpaceStatistics().find(({ space_name }) => space_name === 'new_space')?.space_used_size ?? 0;
  let before = young();
  for (let round = 0; round < MAX_LITTER_ROUNDS; round += 1) {
    for (let i = 0; i < 4; i += 1) new Array(1024).fill(round);
    const now = young();
    if (now < before) return;
    before = now;
  }
}

/** Looks a CommonJS module up in vain, then compiles one: both ways through Node's loader. */
function warmRequire() {
  // The worker's folder has no entry file, so this look-up fails before it changes anything in the process.
  loadHandler(__dirname, null, /** @type {import('./contract.cjs').LookUp} */ (native.lookUp)).catch(
    () => undefined,
  );
  const Module = require('node:module');
  Module.createRequire(__filename).resolve(__filename);
  const module = /** @type {any} */ (new Module(`${__dirname}/warm.cjs`));
  module._compile('exports.handler = async () => ({});', module.id);
}

/** Starts Node's loader of ES modules, which is made with the first import. */
function warmImport() {
  const nothing = 'data:text/javascript,';
  import(nothing).catch(() => undefined);
}

/** Formats and prints as the console does, on a stream that drops all output. */
function warmConsole() {
  const { Writable } = require('node:stream');
  const stdout = new Writable({ write: (_chunk, _encoding, done) => done() });
  const printer = new console.Console({ stdout, stderr: stdout });
  printer.log('%s %o', 'a', { b: 1 });
  printer.error(new Error('a').message, [1]);
}

/** Looks at a handler, and at what the process holds, as is done for every module that has loaded. */
function warmHints() {
  hintsOfHandler(ORDINARY.handler);
  hintOfServer();
  heldNow();
}

module.exports = { createWarmUp };
