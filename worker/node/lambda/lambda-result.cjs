/** Owns what the value of a `lambda` handler means as an HTTP answer: a proxy result, or any other value as JSON. */
'use strict';
const {
  assertHeaderSize,
  assertStatus,
  contentType,
  describe,
  renderHeaders,
} = require('../answer/answer-rules.cjs');
const { renderJson } = require('../answer/json.cjs');
const { BadResponse, BODILESS, isPlain, isWebResponse } = require('../response.cjs');
const { StreamedAnswer } = require('./response-stream.cjs');

/** @typedef {import('../response.cjs').Rendered} Rendered */

const EMPTY = Buffer.alloc(0);
const JSON_TYPE = 'application/json';

/**
 * @param {any} value what the handler gave
 * @param {number} maxBytes the most bytes that are read from a stream
 * @returns {Rendered | Promise<Rendered>}
 * @throws {BadResponse}
 */
function renderResult(value, maxBytes) {
  if (isWebResponse(value)) return require('../answer/web-response.cjs').renderWebResponse(value, maxBytes);
  if (value instanceof StreamedAnswer) return proxyAnswer(value, value.body, value.type);
  if (isProxyResult(value)) return proxyAnswer(value, bodyOf(value), JSON_TYPE);
  if (!isPlain(value))
    return require('../answer/body.cjs')
      .readBody(value, maxBytes, undefined)
      .then((/** @type {any} */ read) =>
        'value' in read ? inferred(read.value) : answer(200, [], read.body, read.type),
      );
  return inferred(value);
}

/** Any value that is no proxy result: text as it is, all else as JSON, both with the type of JSON. @param {any} value */
function inferred(value) {
  const body =
    typeof value === 'string' ? Buffer.from(value, 'utf8') : renderJson(value === undefined ? null : value);
  return answer(200, [], body, JSON_TYPE);
}

/** @param {any} value */
function isProxyResult(value) {
  return (
    typeof value === 'object' && value !== null && !Array.isArray(value) && value.statusCode !== undefined
  );
}

/** @param {any} result @returns {Uint8Array} */
function bodyOf({ body, isBase64Encoded }) {
  if (body === undefined || body === null) return EMPTY;
  if (body instanceof Uint8Array) return body;
  if (typeof body !== 'string')
    throw new BadResponse(
      `body is ${describe(body)}; in the contract "lambda" a body is a string: JSON.stringify(…) it.`,
    );
  return Buffer.from(body, isBase64Encoded === true ? 'base64' : 'utf8');
}

/**
 * @param {any} result its status, headers, multiValueHeaders and cookies
 * @param {Uint8Array} body
 * @param {string} type the content type, if the result names none
 */
function proxyAnswer({ statusCode, headers, multiValueHeaders, cookies }, body, type) {
  const status = /^\d{3}$/.test(statusCode) ? Number(statusCode) : statusCode;
  assertStatus(status);
  const several = renderHeaders(withoutNothing(multiValueHeaders));
  const names = new Set(several.map(([name]) => name.toLowerCase()));
  const single = renderHeaders(withoutNothing(headers)).filter(([name]) => !names.has(name.toLowerCase()));
  if (cookies !== undefined && cookies !== null && !Array.isArray(cookies))
    throw new BadResponse(`cookies is ${describe(cookies)}; expected an array of strings.`);
  const setCookies = renderHeaders(
    (cookies ?? []).map((/** @type {unknown} */ cookie) => ['set-cookie', cookie]),
  );
  return answer(status, [...single, ...several, ...setCookies], body, type);
}

/** Leaves out the headers without a value, which AWS does not see: they are lost on the way, as JSON. @param {any} headers */
function withoutNothing(headers) {
  if (typeof headers !== 'object' || headers === null || typeof headers[Symbol.iterator] === 'function')
    return headers;
  return Object.fromEntries(
    Object.entries(headers).filter(([, value]) => value !== undefined && value !== null),
  );
}

/** @param {number} statusCode @param {[string, string][]} headers @param {Uint8Array} body @param {string} type @returns {Rendered} */
function answer(statusCode, headers, body, type) {
  assertHeaderSize(headers);
  if (BODILESS.has(statusCode)) return { statusCode, headers, body: EMPTY };
  if (body.length > 0 && contentType(headers) === undefined) headers.push(['content-type', type]);
  return { statusCode, headers, body };
}

module.exports = { renderResult };
