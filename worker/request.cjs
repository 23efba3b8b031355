/** Owns what a handler is called with: `req` and `context` (README "Writing functions"). */
'use strict';

/** @typedef {import('./protocol.cjs').InvokeMessage} InvokeMessage */

/**
 * @param {InvokeMessage} message
 * @param {Buffer} body
 */
function createRequest(message, body) {
  // A copy of its own: the received bytes are a view into a larger read buffer.
  const rawBody = Buffer.allocUnsafeSlow(body.length);
  body.copy(rawBody);
  /** @type {string | undefined} */
  let cached;
  const text = () => (cached ??= rawBody.toString('utf8'));
  return {
    id: message.id,
    method: message.method,
    path: message.path,
    query: parseQuery(message.query),
    headers: createHeaders(message.headers),
    rawBody,
    get body() {
      return text();
    },
    async json() {
      if (rawBody.length === 0) return null;
      try {
        return JSON.parse(text());
      } catch {
        throw new Error('invalid JSON body');
      }
    },
  };
}

/**
 * @param {InvokeMessage} message
 * @param {string} functionName
 * @param {number} memoryMb
 * @param {() => AbortSignal} signal made on first use: most handlers never look
 */
function createContext(message, functionName, memoryMb, signal) {
  const endsAt = performance.now() + message.timeoutMs;
  return {
    invocationId: message.id,
    functionName,
    version: message.version,
    memoryMb,
    deadline: Date.now() + message.timeoutMs,
    remainingTimeMs: () => Math.max(0, endsAt - performance.now()),
    get signal() {
      return signal();
    },
  };
}

/**
 * Own keys in Title-Case, look-ups in any case. Repeated headers are joined by ", ", `Set-Cookie` becomes an array.
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
      // defineProperty, because a header may be called __proto__.
      const first = lower === 'set-cookie' ? [value] : value;
      Object.defineProperty(headers, key, {
        value: first,
        enumerable: true,
        writable: true,
        configurable: true,
      });
    } else if (lower === 'set-cookie') headers[known].push(value);
    else headers[known] += `, ${value}`;
  }
  const own = (/** @type {string | symbol} */ key) =>
    typeof key === 'string' ? (keys.get(key.toLowerCase()) ?? key) : key;
  return new Proxy(headers, {
    get: (target, key) => Reflect.get(target, own(key)),
    has: (target, key) => Reflect.has(target, own(key)),
    set: (target, key, value) => Reflect.set(target, own(key), value),
    deleteProperty: (target, key) => Reflect.deleteProperty(target, own(key)),
    getOwnPropertyDescriptor: (target, key) => Reflect.getOwnPropertyDescriptor(target, own(key)),
  });
}

/** @param {string} name lower-case */
function titleCase(name) {
  return name.replace(/(^|-)[a-z]/g, (letter) => letter.toUpperCase());
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

module.exports = { createRequest, createContext };
