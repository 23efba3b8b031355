/**
 * Owns calling a `fetch` of the web standard, as the apps of Hono and functions for Workers, Deno and Bun have it:
 * `fetch(request, env, context)` gives a `Response`.
 */
'use strict';
const { describe } = require('./answer/answer-rules.cjs');
const { addressOf, createContext } = require('./request.cjs');
const { BadResponse, isWebResponse } = require('./response.cjs');

/** @typedef {import('./protocol.cjs').InvokeMessage} InvokeMessage */

/** @type {import('./contract.cjs').Convention} */
const WEB_FETCH = {
  async call({ handler, name, memoryMb }, message, body, signal) {
    /** @type {Promise<unknown>[]} */
    const pending = [];
    const context = Object.assign(createContext(message, name, memoryMb, signal), {
      // The container ends after the answer, so the answer waits for the work that shall outlive it.
      waitUntil: (/** @type {unknown} */ work) => {
        pending.push(Promise.resolve(work).catch((error) => console.error(error)));
      },
      passThroughOnException: () => undefined,
    });
    const response = await handler(createWebRequest(message, body, signal), process.env, context);
    return { response, pending };
  },

  async render({ response, pending }, _fn, maxBytes) {
    if (!isWebResponse(response))
      throw new BadResponse(`fetch returned ${describe(response)}; expected a Response.`);
    const { renderWebResponse } = require('./answer/web-response.cjs');
    // The body is read first: the work may be what writes it.
    const rendered = await renderWebResponse(response, maxBytes);
    while (pending.length > 0) await pending.shift();
    return rendered;
  },
};

/**
 * @param {{ fetch: Function }} app
 * @returns {import('./contract.cjs').Adapted}
 */
function webFetch(app) {
  // Node loads its HTTP client with the first Request, which takes about 50 ms: here no call waits for it.
  new Request('http://localhost/');
  return { handler: (/** @type {unknown[]} */ ...args) => app.fetch(...args), convention: WEB_FETCH };
}

/** @param {InvokeMessage} message @param {Buffer} body @param {() => AbortSignal} signal */
function createWebRequest(message, body, signal) {
  const { method, headers } = message;
  return new Request(addressOf(message), {
    method,
    headers: headers.map(([name, value]) => [name, asLatin1(value)]),
    // A GET has no body in the web standard. The bytes are copied: their memory is used again.
    ...(body.length === 0 || method === 'GET' || method === 'HEAD' ? {} : { body: new Uint8Array(body) }),
    signal: signal(),
  });
}

/** A header's value as the web standard takes it: characters beyond Latin-1 as their bytes in UTF-8. @param {string} value */
function asLatin1(value) {
  return /[^\0-\xff]/.test(value) ? Buffer.from(value, 'utf8').toString('latin1') : value;
}

module.exports = { webFetch };
