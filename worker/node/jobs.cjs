/**
 * Owns the work of the worker: it loads one function, runs the function's calls one after the other, and tells the host how each
 * call ended. The function's contract (`contracts/`) owns finding and calling the handler.
 */
'use strict';
const { isLast, LONG_CALL_MS, monotonicMs, writeFrame } = require('./protocol.cjs');
const { serializeError } = require('./error.cjs');
const { Output } = require('./output.cjs');
const { findContract } = require('./contract.cjs');
const { loadHandler } = require('./handler.cjs');
const { BadResponse } = require('./response.cjs');
const { ResponseTooLarge } = require('./answer/answer-rules.cjs');
const { InvalidBody } = require('./request.cjs');
const { failedConnection, forgetConnections, watchConnections } = require('./failure/connection-watch.cjs');
const { hintsOfHandler, hintOfServer } = require('./failure/load-hints.cjs');
const { heldNow, tellLateError, tellLeftRunning } = require('./failure/left-running.cjs');

// Kept, because functions may replace the global ones.
const { setTimeout, clearTimeout } = globalThis;
const now = performance.now.bind(performance);

/** Pauses between looks at a process in which only unreferenced timers or sockets are left: each twice the one before. */
const FIRST_LOOK_MS = 10;
const MAX_LOOK_MS = 1_000;

/**
 * @typedef {import('./protocol.cjs').LoadMessage} LoadMessage
 * @typedef {import('./protocol.cjs').InvokeMessage} InvokeMessage
 * @typedef {import('./protocol.cjs').HostMessage} HostMessage
 * @typedef {import('./protocol.cjs').FailureKind} FailureKind
 * @typedef {import('./contract.cjs').LoadedFunction} LoadedFunction
 *
 * @typedef {Pick<import('node:net').Socket, 'write' | 'cork' | 'uncork' | 'ref' | 'unref'>} Line
 *
 * @typedef {object} Work a load or a call that is under way
 * @property {string} id
 * @property {AbortController | null} abort made when the handler or a `cancel` first needs it
 * @property {(kind: FailureKind, error: unknown) => void} fail ends the work and tells the host why
 * @property {(() => void) | null} onEmpty called once, when nothing is left that keeps the process alive
 *
 * @typedef {object} Jobs
 * @property {(message: HostMessage, body: Buffer) => void} receive takes a message of the host
 * @property {() => boolean} isIdle whether neither a load nor a call is under way
 * @property {() => boolean} isLoaded whether a load has begun: from then on the process belongs to the user's code, too
 * @property {(message: InvokeMessage, body: Buffer, rehearsed: LoadedFunction) => Promise<void>} rehearse
 *   runs a call of another function without telling the host. Only while idle; ends before the next event is handled.
 */

/** The line of a rehearsal: it drops all messages. @type {Line} */
const NOWHERE = {
  write: () => true,
  cork: () => undefined,
  uncork: () => undefined,
  ref: () => /** @type {any} */ (undefined),
  unref: () => /** @type {any} */ (undefined),
};

/**
 * @param {import('node:net').Socket} socket the connection to the host
 * @param {string} root absolute path of the function's folder
 * @returns {Jobs}
 */
function createJobs(socket, root) {
  /** Messages are written here: to the socket, or nowhere while a rehearsal runs. @type {Line} */
  let line = socket;
  require('./failure/unreferenced.cjs').watchAtomics();
  watchConnections();
  const output = new Output();
  output.install();
  const tell = (/** @type {string} */ hint) => output.tell(hint);

  /** @type {Work | null} */
  let work = null;
  /** Calls that came while another was under way, in the order in which they begin. @type {{ message: InvokeMessage, body: Buffer, isCancelled?: boolean }[]} */
  let ahead = [];
  /** The call that begins next, if there is time left for that, when the answer before it has left this process. @type {{ message: InvokeMessage, body: Buffer, isCancelled?: boolean } | null} */
  let coming = null;
  let loadBegan = false;
  /** @type {LoadedFunction | null} */
  let loaded = null;
  /** What the loaded module holds, which is no work of a call; null where it cannot be told from what the worker holds. @type {ReturnType<typeof heldNow> | null} */
  let heldByModule = null;

  // While work is under way only the user's own handles keep the process alive (the socket is unreferenced then). If
  // no handle is left, the handler's promise can never settle: the host hears so at once, not at the deadline. Unless the
  // handler waits for something that it unreferenced.
  process.on('beforeExit', () => {
    if (work === null) return;
    const { onEmpty } = work;
    if (onEmpty !== null) {
      work.onEmpty = null;
      onEmpty();
    } else if (!holdForUnreferenced())
      work.fail(
        'unsettled',
        new Error(
          'its promise can never settle: nothing is left to wait for (a missing await, resolve or callback?)',
        ),
      );
  });

  /** The timer that keeps the process alive until the next look. @type {NodeJS.Timeout | undefined} */
  let hold;
  let lookMs = FIRST_LOOK_MS;

  /** Keeps the process alive for a while if something unreferenced may still call back. */
  function holdForUnreferenced() {
    const nextMs = require('./failure/unreferenced.cjs').nextUnreferencedMs();
    if (nextMs === null) return false;
    hold = setTimeout(() => undefined, Math.min(Math.max(nextMs, lookMs), MAX_LOOK_MS));
    lookMs = Math.min(2 * lookMs, MAX_LOOK_MS);
    return true;
  }

  process.on('uncaughtException', (error) => {
    // The function has a listener of its own, which decides what an uncaught error means.
    if (process.listenerCount('uncaughtException') > 1) return;
    if (work) work.fail(error instanceof InvalidBody ? 'invalid-body' : 'uncaught', error);
    else {
      if (loadBegan) tellLateError(error, root);
      // An answer that is on its way arrives whole, however long it is.
      socket.end(() => process.exit(1));
    }
  });

  /** @param {HostMessage} message @param {Buffer} body */
  function receive(message, body) {
    if (message.type === 'load') void load(message);
    else if (message.type === 'recall') giveBack(() => true);
    else if (message.type === 'cancel') {
      if (work?.id === message.id) (work.abort ??= new AbortController()).abort();
      else {
        const waiting = [coming, ...ahead].find((call) => call?.message.id === message.id);
        if (waiting) waiting.isCancelled = true;
        giveBack(({ id }) => id === message.id);
      }
    } else if (work !== null || coming !== null) {
      // The memory of the body is used again for the next read.
      ahead.push({ message, body: Buffer.from(body) });
    } else if (message.ahead !== undefined) {
      // It comes after the answer before it has left: the host may have given it to another worker.
      writeFrame(line, { type: 'returned', id: message.id });
    } else void invoke(message, body);
  }

  /** Tells the host that calls which were sent ahead, and have not begun, will not begin here. @param {(message: InvokeMessage) => boolean} isWanted */
  function giveBack(isWanted) {
    const returned = ahead.filter(({ message }) => message.ahead !== undefined && isWanted(message));
    ahead = ahead.filter((call) => !returned.includes(call));
    for (const { message } of returned) writeFrame(line, { type: 'returned', id: message.id });
  }

  /**
   * Answers a call, and begins the next one when the answer has left this process: should the container be stopped then, the host
   * can tell from the answer whether the next call may have begun.
   * @param {number} begunAt @param {number} timeoutMs of the call
   * @param {import("./protocol.cjs").ResponseMessage | import("./protocol.cjs").ErrorMessage} answer @param {Uint8Array} [body]
   */
  function settle(begunAt, timeoutMs, answer, body) {
    if (ahead.length > 0 && now() - begunAt >= Math.min(LONG_CALL_MS, timeoutMs)) giveBack(() => true);
    writeFrame(line, answer, body);
    if (answer.type === 'error' && isLast(answer)) giveBack(() => true);
    beginNext();
  }

  function beginNext() {
    coming = ahead.shift() ?? null;
    if (coming === null) return;
    if (socket.writableLength > 0) socket.write('', (error) => error || beginComing());
    else beginComing();
  }

  /** The answer has left this process. If it did so in time, the host has it in time, and knows that the next call begins. */
  function beginComing() {
    const { message, body, isCancelled } = /** @type {NonNullable<typeof coming>} */ (coming);
    coming = null;
    // The process is about to end, after an uncaught error: what would begin now could not answer.
    if (!socket.writable) return;
    if (message.ahead !== undefined && monotonicMs() >= message.ahead) {
      writeFrame(line, { type: 'returned', id: message.id });
      beginNext();
      return;
    }
    void invoke(message, body);
    if (isCancelled) receive({ type: 'cancel', id: message.id }, body);
  }

  /** @param {LoadMessage} message */
  async function load(message) {
    loadBegan = true;
    begin(message.id, (_kind, error) => {
      const serialized = serializeError(error, root);
      const hint = hintFor(error, root, message.name);
      if (hint !== null) serialized.message = withHint(serialized.message, hint);
      end();
      writeFrame(line, { type: 'load-failed', id: message.id, error: serialized });
    });
    try {
      Object.assign(process.env, message.env);
      process.chdir(root);
      if (Object.keys(message.env).some((name) => name.startsWith('NODE_')))
        await require('./start-variables.cjs').applyStartVariables(message.env, root);
      const contract = findContract(message.contract);
      contract.prepare?.(message, root);
      const { handler, convention } =
        contract.lookUp === undefined
          ? {
              handler: await /** @type {NonNullable<typeof contract.load>} */ (contract.load)(message),
              convention: null,
            }
          : await loadHandler(root, message.handler, contract.lookUp);
      loaded = {
        contract: convention ?? contract,
        isNative: convention === null && message.contract === 'glambdar',
        handler,
        name: message.name,
        memoryMb: message.memoryMb,
      };
      if (work?.id !== message.id) return;
      if (contract.load === undefined) for (const hint of loadHints(loaded)) tell(hint);
      end();
      writeFrame(line, { type: 'loaded', id: message.id });
      // The connection to an image's server is the worker's.
      if (contract.load === undefined) heldByModule = heldNow();
    } catch (error) {
      if (work?.id === message.id) work.fail('function', error);
    }
  }

  /** @param {InvokeMessage} message @param {Buffer} body */
  async function invoke(message, body) {
    const begunAt = now();
    const mine = begin(message.id, (kind, error) => {
      const hint =
        kind === 'function' || kind === 'uncaught'
          ? hintFor(error, root, loaded?.name ?? '', loaded?.isNative)
          : null;
      if (hint !== null) tell(hint);
      const cut = end();
      const serialized = serializeError(error, root);
      if (kind === 'invalid-body')
        serialized.message = /** @type {InvalidBody} */ (error).describe(message.headers);
      const failure = {
        type: /** @type {const} */ ('error'),
        id: message.id,
        kind,
        error: serialized,
        cut,
        peakMemoryKb: peakMemoryKb(),
      };
      settle(begunAt, message.timeoutMs, failure);
    });
    try {
      const fn = /** @type {LoadedFunction} */ (loaded);
      const { contract } = fn;
      const signal = () => (mine.abort ??= new AbortController()).signal;
      const value = await contract.call(fn, message, body, signal, whenEmpty);
      const rendered = contract.render(value, fn, message.maxResponseBytes, tell);
      const response = 'statusCode' in rendered ? rendered : await rendered;
      if (work !== mine) return;
      if (response.body.length > message.maxResponseBytes)
        throw new ResponseTooLarge(response.body.length, message.maxResponseBytes);
      const { statusCode, headers } = response;
      const unreached = failedConnection();
      // The function has caught the error.
      const hint = unreached === null ? null : caughtHint(unreached, fn.name);
      if (hint !== null) tell(hint);
      settle(
        begunAt,
        message.timeoutMs,
        { type: 'response', id: message.id, statusCode, headers, cut: end(), peakMemoryKb: peakMemoryKb() },
        response.body,
      );
      if (message.oneUse && heldByModule !== null) tellLeftRunning(socket, heldByModule);
    } catch (error) {
      if (work === mine) mine.fail(kindOf(error), error);
    }
  }

  /** @param {() => void} then see `contract.cjs` */
  function whenEmpty(then) {
    if (work !== null) work.onEmpty = then;
  }

  /** @param {string} id @param {Work['fail']} fail */
  function begin(id, fail) {
    work = { id, abort: null, fail, onEmpty: null };
    forgetConnections();
    output.begin((stream, text) => writeFrame(line, { type: 'log', id, stream }, text));
    line.unref();
    return work;
  }

  /** Returns how many bytes of the work's output were not sent; undefined: none. */
  function end() {
    work = null;
    if (hold !== undefined) {
      clearTimeout(hold);
      hold = undefined;
      lookMs = FIRST_LOOK_MS;
    }
    line.ref();
    return output.end();
  }

  /** @type {Jobs['rehearse']} */
  async function rehearse(message, body, rehearsed) {
    const before = loaded;
    line = NOWHERE;
    loaded = rehearsed;
    try {
      await invoke(message, body);
    } finally {
      line = socket;
      loaded = before;
    }
  }

  return { receive, isIdle: () => work === null, isLoaded: () => loadBegan, rehearse };
}

/** What kind of failure an error is that the handler threw, or that its value led to. @param {unknown} error @returns {FailureKind} */
function kindOf(error) {
  if (error instanceof BadResponse) return 'bad-response';
  if (error instanceof ResponseTooLarge) return 'response-too-large';
  return error instanceof InvalidBody ? 'invalid-body' : 'function';
}

/** See `failure/hints.cjs`, which is rarely needed. @type {typeof import('./failure/hints.cjs').hintFor} */
function hintFor(error, root, name, isNative) {
  return require('./failure/hints.cjs').hintFor(error, root, name, isNative);
}

/** See `failure/hints.cjs`. @type {typeof import('./failure/hints.cjs').caughtHint} */
function caughtHint(error, name) {
  return require('./failure/hints.cjs').caughtHint(error, name);
}

/** What an author should know of a module that has loaded, for the log of the load. @param {LoadedFunction} fn @returns {string[]} */
function loadHints({ handler, isNative }) {
  try {
    const hint = hintOfServer();
    return [...(hint === null ? [] : [hint]), ...(isNative ? hintsOfHandler(handler) : [])];
  } catch {
    // The handles and the handler are the user's objects.
    return [];
  }
}

/** Adds a hint behind the first line of a message: the further lines tell where a module was required. @param {string} message @param {string} hint */
function withHint(message, hint) {
  const [first, ...rest] = message.split('\n');
  return [`${first} (${hint})`, ...rest].join('\n');
}

/** How long the kernel's answer is used again: asking costs as much as all other work for a short call. */
const PEAK_STANDS_MS = 1;
let peakKb = 0;
let peakAt = -Infinity;

/** The most memory this process has held so far, in KiB. */
function peakMemoryKb() {
  const at = now();
  if (at - peakAt >= PEAK_STANDS_MS) {
    peakKb = process.resourceUsage().maxRSS;
    peakAt = at;
  }
  return peakKb;
}

module.exports = { createJobs };
