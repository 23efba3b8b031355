/**
 * Owns the work of the worker: load one function, run its calls one at a time, and tell the host how each ended.
 */
'use strict';
const { writeFrame } = require('./protocol.cjs');
const { serializeError } = require('./error.cjs');
const { Output } = require('./output.cjs');
const { loadHandler } = require('./handler.cjs');
const { createRequest, createContext } = require('./request.cjs');
const { renderResponse, BadResponse } = require('./response.cjs');

/**
 * @typedef {import('./protocol.cjs').LoadMessage} LoadMessage
 * @typedef {import('./protocol.cjs').InvokeMessage} InvokeMessage
 * @typedef {import('./protocol.cjs').HostMessage} HostMessage
 * @typedef {import('./protocol.cjs').FailureKind} FailureKind
 *
 * @typedef {Pick<import('node:net').Socket, 'write' | 'cork' | 'uncork' | 'ref' | 'unref'>} Line
 *
 * @typedef {object} Jobs
 * @property {(message: HostMessage, body: Buffer) => void} receive takes what the host sends
 * @property {() => boolean} isIdle nothing is under way
 * @property {() => boolean} isLoaded a load has begun: from then on the process is the user's, too
 * @property {(message: InvokeMessage, body: Buffer, handler: Function) => Promise<void>} rehearse
 *   a call of another handler that tells nobody anything. Only while idle; over before the next event is taken.
 */

/** @type {Line} */
const NOWHERE = {
  write: () => true,
  cork: () => undefined,
  uncork: () => undefined,
  ref: () => /** @type {any} */ (undefined),
  unref: () => /** @type {any} */ (undefined),
};

/** @type {LoadMessage} */
const REHEARSED_LOAD = {
  type: 'load',
  id: '',
  name: '',
  memoryMb: 0,
  handler: null,
  contract: 'glambdar',
  env: {},
};

/**
 * @param {import('node:net').Socket} socket to the host
 * @param {string} root absolute path of the function's folder
 * @returns {Jobs}
 */
function createJobs(socket, root) {
  /** Where messages go; elsewhere while a rehearsal runs. @type {Line} */
  let line = socket;
  const output = new Output();
  output.install();

  /** The work under way: a load or a call. @type {{ id: string, abort: AbortController | null, fail: (kind: FailureKind, error: unknown) => void } | null} */
  let work = null;
  /** @type {LoadMessage | null} */
  let loaded = null;
  /** @type {Function | null} */
  let handler = null;

  // While work is under way only the user's own handles keep the process alive (the socket is unreferenced then). If
  // none is left the promise can never settle: say so at once instead of waiting for the deadline.
  process.on('beforeExit', () =>
    work?.fail(
      'unsettled',
      new Error(
        'its promise can never settle: nothing is left to wait for (a missing await, resolve or callback?)',
      ),
    ),
  );
  process.on('uncaughtException', (error) => {
    // A listener of the user's own has taken responsibility.
    if (process.listenerCount('uncaughtException') > 1) return;
    if (work) work.fail('uncaught', error);
    else process.exit(1);
  });

  /** @param {HostMessage} message @param {Buffer} body */
  function receive(message, body) {
    if (message.type === 'load') void load(message);
    else if (message.type === 'invoke') void invoke(message, body);
    else if (work?.id === message.id) (work.abort ??= new AbortController()).abort();
  }

  /** @param {LoadMessage} message */
  async function load(message) {
    loaded = message;
    begin(message.id, (_kind, error) => {
      end();
      writeFrame(line, { type: 'load-failed', id: message.id, error: serializeError(error, root) });
    });
    try {
      Object.assign(process.env, message.env);
      process.chdir(root);
      const found = await loadHandler(root, message.handler);
      handler = message.contract === 'faas' ? require('./faas.cjs').adaptFaas(found) : found;
      if (work?.id !== message.id) return;
      end();
      writeFrame(line, { type: 'loaded', id: message.id });
    } catch (error) {
      if (work?.id === message.id) work.fail('function', error);
    }
  }

  /** @param {InvokeMessage} message @param {Buffer} body */
  async function invoke(message, body) {
    const mine = begin(message.id, (kind, error) => {
      const cut = end();
      const failure = {
        type: /** @type {const} */ ('error'),
        id: message.id,
        kind,
        error: serializeError(error, root),
        cut,
        peakMemoryKb: peakMemoryKb(),
      };
      writeFrame(line, failure);
    });
    const { name, memoryMb } = /** @type {LoadMessage} */ (loaded);
    try {
      const context = createContext(
        message,
        name,
        memoryMb,
        () => (mine.abort ??= new AbortController()).signal,
      );
      const value = await /** @type {Function} */ (handler)(createRequest(message, body), context);
      const rendered = renderResponse(value);
      const response = 'statusCode' in rendered ? rendered : await rendered;
      if (work !== mine) return;
      if (response.body.length > message.maxResponseBytes) {
        mine.fail(
          'response-too-large',
          new Error(
            `the function answered ${response.body.length} bytes; the limit is ${message.maxResponseBytes}.`,
          ),
        );
        return;
      }
      const { statusCode, headers } = response;
      writeFrame(
        line,
        { type: 'response', id: message.id, statusCode, headers, cut: end(), peakMemoryKb: peakMemoryKb() },
        response.body,
      );
    } catch (error) {
      if (work === mine) mine.fail(error instanceof BadResponse ? 'bad-response' : 'function', error);
    }
  }

  /** @param {string} id @param {(kind: FailureKind, error: unknown) => void} fail */
  function begin(id, fail) {
    work = { id, abort: null, fail };
    output.begin((stream, text) => writeFrame(line, { type: 'log', id, stream }, text));
    line.unref();
    return work;
  }

  function end() {
    work = null;
    line.ref();
    return output.end();
  }

  /** @type {Jobs['rehearse']} */
  async function rehearse(message, body, rehearsed) {
    const [before, beforeLoaded] = [handler, loaded];
    line = NOWHERE;
    handler = rehearsed;
    loaded ??= REHEARSED_LOAD;
    try {
      await invoke(message, body);
    } finally {
      line = socket;
      handler = before;
      loaded = beforeLoaded;
    }
  }

  return { receive, isIdle: () => work === null, isLoaded: () => loaded !== null, rehearse };
}

/** Asking costs as much as all else that is done for a short call, so what was found a moment ago stands. */
const PEAK_STANDS_MS = 1;
let peakKb = 0;
let peakAt = -Infinity;

function peakMemoryKb() {
  const now = performance.now();
  if (now - peakAt >= PEAK_STANDS_MS) {
    peakKb = process.resourceUsage().maxRSS;
    peakAt = now;
  }
  return peakKb;
}

module.exports = { createJobs };
