/**
 * Owns turning the value of a handler into status, headers and bytes (docs/functions.md).
 * The host checks the result again (`src/invocation/response-rules.ts`), by the same limits.
 */
'use strict';
const {
  assertHeaderSize,
  assertStatus,
  BadResponse,
  contentType,
  describe,
  isJson,
  renderHeaders,
} = require('./answer/answer-rules.cjs');
const { renderJson } = require('./answer/json.cjs');

const KEYS = ['statusCode', 'headers', 'body'];
const EMPTY = Buffer.alloc(0);
/** Statuses whose answers have no body (RFC 9110 §15.3.5, §15.3.6, §15.4.5): a body that the function gave is left away. */
const BODILESS = new Set([204, 205, 304]);

/**
 * @typedef {import('./answer/answer-rules.cjs').Rendered} Rendered
 * @typedef {import('./answer/answer-rules.cjs').RenderedBody} RenderedBody
 */

/**
 * @param {any} value what the handler returned
 * @param {number} maxBytes the most bytes that are read from a body which is a stream
 * @returns {Rendered | Promise<Rendered>} a promise for a web-standard `Response` and for a body that has to be waited for
 * @throws {BadResponse | import('./answer/answer-rules.cjs').ResponseTooLarge}
 */
function renderResponse(value, maxBytes) {
  if (isWebResponse(value)) return require('./answer/web-response.cjs').renderWebResponse(value, maxBytes);
  if (value === null || typeof value !== 'object' || !KEYS.some((key) => key in value) || isMessage(value))
    throw new BadResponse(
      `the function returned ${describe(value)}; expected an object with statusCode, headers or body${adviceFor(value)}.`,
    );
  const statusCode = value.statusCode === undefined ? 200 : value.statusCode;
  assertStatus(statusCode);
  const headers = renderHeaders(value.headers);
  assertHeaderSize(headers);
  if (BODILESS.has(statusCode)) return { statusCode, headers, body: EMPTY };
  const { body } = value;
  if (isPlain(body)) return complete(statusCode, headers, renderBody(body, headers));
  return require('./answer/body.cjs')
    .readBody(body, maxBytes, contentType(headers))
    .then((/** @type {RenderedBody | { value: any }} */ read) =>
      complete(statusCode, headers, 'value' in read ? renderBody(read.value, headers) : read),
    );
}

/** What to do about a value that is no answer. @param {any} value */
function adviceFor(value) {
  if (value === undefined) return ' (is a "return" or an "await" missing?)';
  const isBody = value === null || typeof value !== 'object' || Array.isArray(value) || isPlain(value);
  return isBody ? '; if it is the body, return { body: … }' : '';
}

/** @param {number} statusCode @param {[string, string][]} headers @param {RenderedBody} rendered @returns {Rendered} */
function complete(statusCode, headers, { body, type }) {
  if (type !== null && contentType(headers) === undefined) headers.push(['content-type', type]);
  return { statusCode, headers, body };
}

/**
 * Whether a body can be rendered at once: bytes, a primitive value, or plain data. All other bodies may be promises,
 * streams or objects of which JSON shows nothing (`answer/body.cjs`).
 * @param {any} body
 */
function isPlain(body) {
  if (typeof body !== 'object' || body === null || body instanceof Uint8Array) return true;
  const prototype = Object.getPrototypeOf(body);
  if (prototype !== Object.prototype) return prototype === Array.prototype;
  return typeof body.then !== 'function' && body[Symbol.asyncIterator] === undefined;
}

/** @param {any} body plain @param {[string, string][]} headers @returns {RenderedBody} */
function renderBody(body, headers) {
  if (body === undefined) return { body: EMPTY, type: null };
  if (body instanceof Uint8Array) return { body, type: 'application/octet-stream' };
  const type = contentType(headers);
  if (typeof body === 'string' && type !== undefined && !isJson(type))
    return { body: Buffer.from(body, 'utf8'), type: null };
  return { body: renderJson(body), type: 'application/json; charset=utf-8' };
}

/** Checks the shape of the value, because `instanceof Response` would load a whole HTTP client (about 20 ms). @param {any} value */
function isWebResponse(value) {
  return (
    value !== null &&
    typeof value === 'object' &&
    typeof value.arrayBuffer === 'function' &&
    typeof value.status === 'number' &&
    typeof value.headers?.forEach === 'function'
  );
}

/**
 * Whether the handler returned a message of HTTP itself: a web-standard `Request`, or the answer of Node's HTTP client, which
 * has `statusCode` and `headers`, too.
 * @param {any} value no web-standard `Response`
 */
function isMessage(value) {
  return typeof value.arrayBuffer === 'function' || (typeof value.pipe === 'function' && !('body' in value));
}

module.exports = { renderResponse, isWebResponse, isPlain, BadResponse, BODILESS };
