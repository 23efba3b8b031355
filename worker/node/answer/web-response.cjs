/** Owns turning a web-standard `Response` into status, headers and bytes. */
'use strict';
const { assertHeaderSize, assertStatus, ResponseTooLarge } = require('./answer-rules.cjs');
const { readChunks } = require('./body.cjs');

const EMPTY = Buffer.alloc(0);
/** The codings that `fetch` undoes. */
const DECODED_BY_FETCH = new Set(['gzip', 'x-gzip', 'deflate', 'br', 'zstd']);
/** Decoding ends here: so many decoded bytes are proof enough. */
const MAX_DECODED_BYTES = 16 * 1024 * 1024;

/**
 * @param {any} response
 * @param {number} maxBytes
 * @returns {Promise<import('./answer-rules.cjs').Rendered>}
 */
async function renderWebResponse(response, maxBytes) {
  /** @type {[string, string][]} */
  const headers = [...response.headers].map(([name, value]) => [String(name), String(value)]);
  assertStatus(response.status);
  // A content-type that the Response class added cannot be told from one that the function set: neither counts.
  assertHeaderSize(headers.filter(([name]) => name !== 'content-type'));
  const body = await readContent(response, maxBytes);
  return {
    statusCode: response.status,
    headers: headers.filter(
      ([name, value]) => name !== 'content-encoding' || isEncoded(response, value, body),
    ),
    body,
  };
}

/** @param {any} response @param {number} maxBytes @returns {Promise<Uint8Array>} */
async function readContent(response, maxBytes) {
  if (response.body === null) return EMPTY;
  if (response.body !== undefined && !response.bodyUsed) return readChunks(response.body, maxBytes);
  // The implementations of some packages have no `body`; a body that was read before rejects here with the reason.
  const body = new Uint8Array(await response.arrayBuffer());
  if (body.length > maxBytes) throw new ResponseTooLarge(body.length, maxBytes);
  return body;
}

/**
 * Whether the body is still encoded as the header says. `fetch` decodes bodies and leaves the header; functions pass such
 * responses on, or their body and headers in a Response of their own.
 * @param {any} response
 * @param {string} coding value of `Content-Encoding`
 * @param {Uint8Array} body
 */
function isEncoded(response, coding, body) {
  const codings = coding.split(',').map((one) => one.trim().toLowerCase());
  if (body.length === 0 || !codings.every((one) => DECODED_BY_FETCH.has(one))) return true;
  const outermost = codings.at(-1);
  // Node before version 24 does not undo zstd, so the first bytes decide, of a fetched response, too.
  if (outermost === 'zstd') return startsWith(body, [0x28, 0xb5, 0x2f, 0xfd]);
  // Only a fetched response has an address.
  if (response.url) return false;
  if (outermost === 'gzip' || outermost === 'x-gzip') return startsWith(body, [0x1f, 0x8b]);
  return decodes(body, outermost === 'br' ? ['brotliDecompressSync'] : ['inflateSync', 'inflateRawSync']);
}

/** Whether one of zlib's functions can decode the bytes: these codings cannot be told by their first bytes. @param {Uint8Array} body @param {('brotliDecompressSync' | 'inflateSync' | 'inflateRawSync')[]} ways */
function decodes(body, ways) {
  const zlib = require('node:zlib');
  return ways.some((way) => {
    try {
      zlib[way](body, { maxOutputLength: MAX_DECODED_BYTES });
      return true;
    } catch (error) {
      return /** @type {any} */ (error)?.code === 'ERR_BUFFER_TOO_LARGE';
    }
  });
}

/** @param {Uint8Array} body @param {number[]} bytes */
function startsWith(body, bytes) {
  return bytes.every((byte, at) => body[at] === byte);
}

module.exports = { renderWebResponse };
