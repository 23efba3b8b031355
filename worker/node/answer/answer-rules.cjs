/**
 * Owns the rules for an answer, whatever contract renders it: a legal status, headers of legal kinds and within the limits,
 * and the sentence that names a value that is no answer.
 */
'use strict';

/**
 * @typedef {{ statusCode: number, headers: [string, string][], body: Uint8Array }} Rendered an answer, ready to be sent
 *
 * @typedef {object} RenderedBody
 * @property {Uint8Array} body
 * @property {string | null} type the content type that belongs to such a body, for a function that set none
 */

const MAX_HEADERS = 100;
const MAX_HEADERS_BYTES = 16 * 1024;

/** The handler returned a value that is no answer; the message names the value. */
class BadResponse extends Error {
  /** @param {string} message */
  constructor(message) {
    super(message);
    this.name = 'BadResponse';
  }
}

/** e.g. `6291456 (6 MiB)`; a number that is no whole MiB is named in bytes alone. @param {number} bytes */
function describeBytes(bytes) {
  const mebibyte = 1024 * 1024;
  return bytes > 0 && bytes % mebibyte === 0 ? `${bytes} (${bytes / mebibyte} MiB)` : String(bytes);
}

/** The answer has more bytes than the host takes. */
class ResponseTooLarge extends Error {
  /**
   * @param {number} bytes as many as are known: reading a stream ends at the limit
   * @param {number} maxBytes
   * @param {boolean} [more] whether the answer may have more than these bytes
   */
  constructor(bytes, maxBytes, more = false) {
    super(
      `the function answered ${more ? 'at least ' : ''}${bytes} bytes; the limit is ${describeBytes(maxBytes)}, which GLAMBDAR_MAX_BODY_BYTES sets on the server.`,
    );
    this.name = 'ResponseTooLarge';
  }
}

/**
 * Checks a status here and not only on the host, because the host would take a worker that sends a bad status for broken.
 * @param {unknown} statusCode
 * @throws {BadResponse}
 */
function assertStatus(statusCode) {
  if (
    typeof statusCode === 'number' &&
    Number.isInteger(statusCode) &&
    statusCode >= 200 &&
    statusCode <= 599
  )
    return;
  throw new BadResponse(`statusCode is ${describe(statusCode)}; expected a whole number from 200 to 599.`);
}

/**
 * Headers travel in the frame's header, whose size is limited. Only the function's own headers count, not the content-type
 * that is added to them.
 * @param {[string, string][]} headers
 * @throws {BadResponse}
 */
function assertHeaderSize(headers) {
  let bytes = 0;
  for (const [name, value] of headers) bytes += name.length + value.length;
  // A character beyond Latin-1 is sent as up to three bytes; a surrogate pair as four.
  if (bytes > MAX_HEADERS_BYTES / 3)
    bytes = headers.reduce((sum, [name, value]) => sum + name.length + sentBytes(value), 0);
  if (headers.length > MAX_HEADERS)
    throw new BadResponse(
      `the function answered ${headers.length} headers; at most ${MAX_HEADERS} are sent.`,
    );
  if (bytes > MAX_HEADERS_BYTES)
    throw new BadResponse(
      `the function answered ${bytes} bytes of headers; at most ${MAX_HEADERS_BYTES} are sent.`,
    );
}

/** @param {string} value of a header: sent as Latin-1, or as UTF-8 where Latin-1 cannot express the value */
function sentBytes(value) {
  return /[^\0-\xff]/.test(value) ? Buffer.byteLength(value) : value.length;
}

/** @param {any} headers @returns {[string, string][]} */
function renderHeaders(headers) {
  if (headers === undefined || headers === null) return [];
  if (typeof headers !== 'object')
    throw new BadResponse(`headers is ${describe(headers)}; expected an object.`);
  /** @type {[string, string][]} */
  const pairs = [];
  const entries = typeof headers[Symbol.iterator] === 'function' ? [...headers] : Object.entries(headers);
  for (const entry of entries) {
    const [name, value] = Array.isArray(entry) ? entry : [undefined, undefined];
    if (typeof name !== 'string')
      throw new BadResponse(
        `headers has the entry ${describe(entry)}; expected an object of names and values, or a list of [name, value].`,
      );
    for (const one of Array.isArray(value) ? value : [value]) {
      if (!['string', 'number', 'boolean'].includes(typeof one))
        throw new BadResponse(
          `the header ${JSON.stringify(name.slice(0, 100))} is ${describe(one)}; expected a string or an array of strings.`,
        );
      pairs.push([name, String(one)]);
    }
  }
  return pairs;
}

/** @param {[string, string][]} headers */
function contentType(headers) {
  return headers.find(([name]) => name.toLowerCase() === 'content-type')?.[1];
}

/** @param {string} type */
function isJson(type) {
  const essence = /** @type {string} */ (type.split(';', 1)[0]).trim().toLowerCase();
  return essence === 'application/json' || essence.endsWith('+json');
}

/** Names a value in a sentence, e.g. `the string "hello"` or `a Map`. @param {any} value @returns {string} */
function describe(value) {
  if (value === null || value === undefined) return String(value);
  if (Array.isArray(value)) return 'an array';
  if (typeof value === 'object') {
    const kind = className(value);
    if (value instanceof Error) return `${kind} (${JSON.stringify(String(value.message).slice(0, 100))})`;
    const keys = Object.keys(value).slice(0, 10);
    const shown = keys.map((key) => JSON.stringify(key.slice(0, 50))).join(', ');
    if (keys.length > 0) return `${kind} with the keys ${shown}`;
    return kind === 'an object' ? 'an object without keys' : kind;
  }
  if (typeof value === 'string') return `the string ${JSON.stringify(value.slice(0, 100))}`;
  if (typeof value === 'number' || typeof value === 'boolean') return `the ${typeof value} ${value}`;
  return `a ${typeof value}`;
}

/** The class of an object with its article, e.g. `a Map`; `an object` for a plain one. @param {any} value */
function className(value) {
  let name;
  try {
    name = value.constructor?.name;
  } catch {
    // A getter of the user's may throw.
  }
  if (typeof name !== 'string' || name === '' || name === 'Object') return 'an object';
  return `${/^[AEIOU]/i.test(name) ? 'an' : 'a'} ${name.slice(0, 50)}`;
}

module.exports = {
  BadResponse,
  ResponseTooLarge,
  assertStatus,
  assertHeaderSize,
  renderHeaders,
  contentType,
  isJson,
  describe,
};
