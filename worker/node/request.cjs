/** Owns the arguments of a `glambdar` handler: `req` and `context` (docs/functions.md). */
'use strict';

/** @typedef {import('./protocol.cjs').InvokeMessage} InvokeMessage */

/** Up to this size `req.body` is a plain string property; a larger body is decoded when the function first reads `req.body`. */
const SMALL_BYTES = 16 * 1024;

/** A class, so that the rarely used parts belong to the prototype: a getter of one object makes a dictionary of the object. */
class HandlerRequest {
  #message;

  /** @param {InvokeMessage} message @param {Buffer} body */
  constructor(message, body) {
    // Copied, because the received bytes are a view into the read buffer, which is used again.
    const rawBody = Buffer.allocUnsafeSlow(body.length);
    body.copy(rawBody);
    /** @type {string | undefined} */
    let cached;
    const text = () => (cached ??= rawBody.toString('utf8'));
    this.#message = message;
    this.id = message.invocationId;
    this.method = message.method;
    this.path = message.path;
    this.query = parseQuery(message.query);
    this.headers = createHeaders(message.headers);
    this.rawBody = rawBody;
    this.body = rawBody.length <= SMALL_BYTES ? text() : '';
    this.json = async () => parseBody(text(), null);
    if (rawBody.length > SMALL_BYTES)
      Object.defineProperty(this, 'body', { get: text, enumerable: true, configurable: true });
  }

  /** The absolute address, as a web-standard `Request` has it. */
  get url() {
    return addressOf(this.#message);
  }

  /** The client's IP address. */
  get ip() {
    return clientAddressOf(this.#message);
  }

  /** The host and port that the client named. */
  get host() {
    return this.#message.host ?? 'localhost';
  }

  /** The part of the public path before `path`, such as `/hello`; empty when a host name names the function. */
  get basePath() {
    return this.#message.basePath ?? '';
  }

  /** The body as a web-standard `Request` gives it: without a byte order mark. */
  async text() {
    return withoutMark(this.rawBody.toString('utf8'));
  }

  async arrayBuffer() {
    return new Uint8Array(this.rawBody).buffer;
  }
}

/**
 * @param {InvokeMessage} message
 * @param {Buffer} body
 */
function createRequest(message, body) {
  return new HandlerRequest(message, body);
}

/** The absolute address of a request: of the host that the client named, and of what follows the function's name. @param {InvokeMessage} message */
function addressOf({ protocol = 'http', host = 'localhost', path, query }) {
  const target = `${path}${query === '' ? '' : `?${query}`}`.replaceAll('#', '%23');
  const address = `${protocol}://${host}${target}`;
  return URL.canParse(address) ? address : `${protocol}://localhost${target}`;
}

/** @param {InvokeMessage} message */
function clientAddressOf({ clientAddress = '127.0.0.1' }) {
  return clientAddress.replace(/^::ffff:(?=\d+\.)/, '');
}

/** Characters of a content type that are shown. */
const MAX_SHOWN_TYPE = 100;

/** The body of a request is no JSON, though the function took it for JSON. */
class InvalidBody extends Error {
  #text;

  /** @param {string} text */
  constructor(text) {
    super('invalid JSON body');
    this.name = 'InvalidBody';
    this.#text = text;
  }

  /**
   * Says what is wrong at which place, for the caller, and which type the caller named where that is another one.
   * @param {readonly [string, string][]} [headers] of the request
   */
  describe(headers = []) {
    const fault = require('./failure/json-place.cjs').describeJsonFault(this.#text);
    const type = headers.find(([name]) => name.toLowerCase() === 'content-type')?.[1];
    const named =
      type === undefined || /[/+]json\b/i.test(type)
        ? ''
        : `; its Content-Type is ${JSON.stringify(type.slice(0, MAX_SHOWN_TYPE))}`;
    return `invalid JSON body: ${fault}${named}.`;
  }
}

/**
 * @template T
 * @param {string} text a request's body
 * @param {T} whenEmpty
 * @returns {any} the JSON in the body
 * @throws {InvalidBody}
 */
function parseBody(text, whenEmpty) {
  const json = withoutMark(text);
  if (json === '') return whenEmpty;
  try {
    return JSON.parse(json);
  } catch {
    throw new InvalidBody(json);
  }
}

/** Leaves out the byte order mark, with which some programs begin a text. @param {string} text */
function withoutMark(text) {
  return text.charCodeAt(0) === 0xfeff ? text.slice(1) : text;
}

/** A class, so that the getter of `signal` belongs to the prototype: a getter of one object makes a dictionary of the object. */
class Context {
  /** @type {() => AbortSignal} */
  #signal;

  /**
   * @param {InvokeMessage} message
   * @param {string} functionName
   * @param {number} memoryMb
   * @param {() => AbortSignal} signal
   */
  constructor(message, functionName, memoryMb, signal) {
    const endsAt = performance.now() + message.timeoutMs;
    this.#signal = signal;
    this.invocationId = message.invocationId;
    this.functionName = functionName;
    this.version = message.version;
    this.memoryMb = memoryMb;
    this.deadline = Date.now() + message.timeoutMs;
    this.remainingTimeMs = () => Math.max(0, endsAt - performance.now());
  }

  get signal() {
    return this.#signal();
  }
}

/**
 * @param {InvokeMessage} message
 * @param {string} functionName
 * @param {number} memoryMb
 * @param {() => AbortSignal} signal makes the signal on first use: most handlers never use it
 */
function createContext(message, functionName, memoryMb, signal) {
  return new Context(message, functionName, memoryMb, signal);
}

/** The Proxy handler that finds a header by its name in any case. A class: making five closures for every call would cost more than the look-ups. */
class AnyCase {
  /** @type {Map<string, string>} */
  #keys;

  /** @param {Map<string, string>} keys lower-case → own key */
  constructor(keys) {
    this.#keys = keys;
  }

  /** @param {any} target @param {string | symbol} key */
  get(target, key) {
    return Reflect.get(target, this.#own(key));
  }
  /** @param {any} target @param {string | symbol} key */
  has(target, key) {
    return Reflect.has(target, this.#own(key));
  }
  /** @param {any} target @param {string | symbol} key @param {unknown} value */
  set(target, key, value) {
    return Reflect.set(target, this.#own(key), value);
  }
  /** @param {any} target @param {string | symbol} key */
  deleteProperty(target, key) {
    return Reflect.deleteProperty(target, this.#own(key));
  }
  /** @param {any} target @param {string | symbol} key */
  getOwnPropertyDescriptor(target, key) {
    return Reflect.getOwnPropertyDescriptor(target, this.#own(key));
  }

  /** @param {string | symbol} key */
  #own(key) {
    return typeof key === 'string' ? (this.#keys.get(key.toLowerCase()) ?? key) : key;
  }
}

/**
 * Makes `req.headers`: own keys in Title-Case, look-ups in any case. Repeated headers are joined by ", ", `Cookie` by
 * "; "; `Set-Cookie` becomes an array.
 * @param {[string, string][]} pairs
 * @returns {Record<string, string | string[]>}
 */
function createHeaders(pairs) {
  /** @type {Map<string, string>} lower-case → own key */
  const keys = new Map();
  /** @type {Record<string, any>} */
  const headers = {};
  for (const [name, value] of pairs) {
    const lower = name.toLowerCase();
    const known = keys.get(lower);
    if (known === undefined) {
      const key = titleCase(lower);
      keys.set(lower, key);
      const first = lower === 'set-cookie' ? [value] : value;
      // A header may be called __proto__.
      if (lower === '__proto__')
        Object.defineProperty(headers, key, {
          value: first,
          enumerable: true,
          writable: true,
          configurable: true,
        });
      else headers[key] = first;
    } else if (lower === 'set-cookie') headers[known].push(value);
    else headers[known] += lower === 'cookie' ? `; ${value}` : `, ${value}`;
  }
  return new Proxy(headers, new AnyCase(keys));
}

/** Lower-case name → Title-Case name of known headers: the same names come with every call. @type {Map<string, string>} */
const titles = new Map();
const MAX_TITLES = 200;

/** @param {string} name lower-case */
function titleCase(name) {
  let title = titles.get(name);
  if (title === undefined) {
    title = name.replace(/(^|-)[a-z]/g, (letter) => letter.toUpperCase());
    if (titles.size < MAX_TITLES) titles.set(name, title);
  }
  return title;
}

/**
 * @param {string} query without the question mark
 * @returns {Record<string, string | string[]>} repeated keys → array
 */
function parseQuery(query) {
  /** @type {Record<string, any>} */
  const result = {};
  if (query === '') return result;
  for (const [key, value] of new URLSearchParams(query)) {
    if (!Object.hasOwn(result, key)) {
      Object.defineProperty(result, key, { value, enumerable: true, writable: true, configurable: true });
    } else if (Array.isArray(result[key])) result[key].push(value);
    else result[key] = [result[key], value];
  }
  return result;
}

module.exports = {
  addressOf,
  clientAddressOf,
  createRequest,
  createContext,
  parseBody,
  withoutMark,
  InvalidBody,
};
