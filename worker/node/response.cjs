/**
 * Owns turning the value of a handler into status, headers and bytes (README "Writing functions").
 * The host checks the result again (`src/invocation/response-rules.ts`), by the same limits.
 */
'use strict';

const KEYS = ['statusCode', 'headers', 'body'];
const EMPTY = Buffer.alloc(0);
const MAX_HEADERS = 100;
const MAX_HEADERS_BYTES = 16 * 1024;
/** Statuses whose answers have no body (RFC 9110 §15.3.5, §15.3.6, §15.4.5): a body that the function gave is left away. */
const BODILESS = new Set([204, 205, 304]);

/** @typedef {{ statusCode: number, headers: [string, string][], body: Uint8Array }} Rendered */

/** The handler returned a value that is no answer; the message names the value. */
class BadResponse extends Error {
  /** @param {string} message */
  constructor(message) {
    super(message);
    this.name = 'BadResponse';
  }
}

/**
 * @param {any} value what the handler returned
 * @returns {Rendered | Promise<Rendered>} a promise only for a web-standard `Response`
 * @throws {BadResponse}
 */
function renderResponse(value) {
  if (isWebResponse(value)) return renderWebResponse(value);
  if (value === null || typeof value !== 'object' || !KEYS.some((key) => key in value))
    throw new BadResponse(
      `the function returned ${describe(value)}; expected an object with statusCode, headers or body.`,
    );
  const statusCode = value.statusCode === undefined ? 200 : value.statusCode;
  assertStatus(statusCode);
  const headers = renderHeaders(value.headers);
  assertHeaderSize(headers);
  if (BODILESS.has(statusCode)) return { statusCode, headers, body: EMPTY };
  const { body, type } = renderBody(value.body, headers);
  if (type !== null && contentType(headers) === undefined) headers.push(['content-type', type]);
  return { statusCode, headers, body };
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

/** @param {any} body @param {[string, string][]} headers @returns {{ body: Uint8Array, type: string | null }} */
function renderBody(body, headers) {
  if (body === undefined) return { body: EMPTY, type: null };
  if (body instanceof Uint8Array) return { body, type: 'application/octet-stream' };
  if (body instanceof ArrayBuffer) return { body: new Uint8Array(body), type: 'application/octet-stream' };
  const type = contentType(headers);
  if (typeof body === 'string' && type !== undefined && !isJson(type))
    return { body: Buffer.from(body, 'utf8'), type: null };
  let json;
  try {
    json = JSON.stringify(body);
  } catch (error) {
    throw new BadResponse(`body cannot be encoded as JSON: ${/** @type {any} */ (error)?.message}`);
  }
  if (json === undefined) throw new BadResponse(`body is ${describe(body)}, which JSON cannot express.`);
  return { body: Buffer.from(json, 'utf8'), type: 'application/json; charset=utf-8' };
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
    for (const one of Array.isArray(value) ? value : [value]) {
      if (typeof name !== 'string' || !['string', 'number', 'boolean'].includes(typeof one))
        throw new BadResponse(
          `header ${describe(name)} is ${describe(one)}; expected a string or an array of strings.`,
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

/** @param {any} response @returns {Promise<Rendered>} */
async function renderWebResponse(response) {
  /** @type {[string, string][]} */
  const headers = [...response.headers].map(([name, value]) => [String(name), String(value)]);
  assertStatus(response.status);
  // A content-type that the Response class added cannot be told from one that the function set: neither counts.
  assertHeaderSize(headers.filter(([name]) => name !== 'content-type'));
  return { statusCode: response.status, headers, body: new Uint8Array(await response.arrayBuffer()) };
}

/** Names a value in a sentence, e.g. `the string "hello"`. @param {any} value @returns {string} */
function describe(value) {
  if (value === null || value === undefined) return String(value);
  if (Array.isArray(value)) return 'an array';
  if (typeof value === 'object') {
    const keys = Object.keys(value).slice(0, 10);
    return keys.length === 0
      ? 'an object without keys'
      : `an object with the keys ${keys.map((key) => JSON.stringify(key.slice(0, 50))).join(', ')}`;
  }
  if (typeof value === 'string') return `the string ${JSON.stringify(value.slice(0, 100))}`;
  if (typeof value === 'number' || typeof value === 'boolean') return `the ${typeof value} ${value}`;
  return `a ${typeof value}`;
}

module.exports = { renderResponse, BadResponse };
