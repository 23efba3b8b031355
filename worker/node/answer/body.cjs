/**
 * Owns reading a body that is neither plain data nor bytes: a promise, a stream, a Blob, a form, an iterator, or an object
 * of a class. A body of which JSON would show nothing is refused: a client would take the `{}` for the answer.
 */
'use strict';
const { isUint8Array } = require('node:util/types');
const { BadResponse, describe, ResponseTooLarge } = require('./answer-rules.cjs');
const { renderJson } = require('./json.cjs');

const BYTES = 'application/octet-stream';
const TEXT = 'text/plain; charset=utf-8';
/** Number of promises that may resolve to each other: a thenable could resolve to itself for ever. */
const MAX_PROMISES = 100;

/** @typedef {import('./answer-rules.cjs').RenderedBody} RenderedBody */

/**
 * @param {any} body
 * @param {number} maxBytes the most bytes that are read
 * @param {string | undefined} type the content type that the function set
 * @returns {Promise<RenderedBody | { value: any }>} `value`: plain data, to which a promise has resolved
 * @throws {BadResponse} for a value that is no body
 * @throws {ResponseTooLarge} as soon as more bytes have come than are taken
 * @throws the error with which the promise or the stream fails
 */
async function readBody(body, maxBytes, type) {
  for (let promises = 0; isThenable(body); promises += 1) {
    if (promises === MAX_PROMISES) throw new BadResponse('body is a promise of a promise without end.');
    body = await body;
  }
  if (typeof body !== 'object' || body === null || isUint8Array(body)) return { value: body };
  if (ArrayBuffer.isView(body))
    return { body: new Uint8Array(body.buffer, body.byteOffset, body.byteLength), type: BYTES };
  if (body instanceof ArrayBuffer || body instanceof SharedArrayBuffer)
    return { body: new Uint8Array(body), type: BYTES };
  if (isBlob(body)) return { body: await readChunks(body.stream(), maxBytes), type: body.type || BYTES };
  if (body instanceof URLSearchParams)
    return { body: Buffer.from(String(body)), type: 'application/x-www-form-urlencoded;charset=UTF-8' };
  if (isFormData(body)) return readForm(body, maxBytes, type);
  if (isResponse(body)) {
    const content = body.body === null ? Buffer.alloc(0) : await readChunks(body.body, maxBytes);
    return { body: content, type: body.headers.get('content-type') };
  }
  const chunks = chunksOf(body);
  if (chunks !== null) return readStream(chunks, maxBytes);
  return renderObject(body);
}

/**
 * Reads a stream to its end.
 * @param {any} stream a web or Node stream
 * @param {number} maxBytes
 * @returns {Promise<Uint8Array>}
 */
async function readChunks(stream, maxBytes) {
  return (await readStream(chunksOf(stream) ?? [], maxBytes)).body;
}

/**
 * The chunks of a body that comes in pieces; null for a body that does not.
 * @param {any} body
 * @returns {AsyncIterable<unknown> | Iterable<unknown> | null}
 */
function chunksOf(body) {
  if (typeof body[Symbol.asyncIterator] === 'function') return body;
  if (typeof body.getReader === 'function') return readerChunks(body.getReader());
  // A stream of the oldest kind, such as those of the package form-data, knows only `pipe`.
  if (typeof body.pipe === 'function' && body.readable === true) {
    const { PassThrough } = require('node:stream');
    const through = new PassThrough();
    body.on('error', (/** @type {Error} */ error) => through.destroy(error));
    return body.pipe(through);
  }
  // Generators and other iterators. Other iterables, such as Map and Set, are data.
  if (typeof body[Symbol.iterator] === 'function' && typeof body.next === 'function') return body;
  return null;
}

/** @param {any} reader of a web stream that is not asynchronously iterable */
async function* readerChunks(reader) {
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    yield value;
  }
}

/**
 * @param {AsyncIterable<unknown> | Iterable<unknown>} chunks leaving the loop early closes the stream
 * @param {number} maxBytes
 * @returns {Promise<RenderedBody>}
 */
async function readStream(chunks, maxBytes) {
  /** @type {Uint8Array[]} */
  const parts = [];
  let bytes = 0;
  let isText = true;
  for await (const chunk of chunks) {
    const part = typeof chunk === 'string' ? Buffer.from(chunk, 'utf8') : bytesOf(chunk);
    isText &&= typeof chunk === 'string';
    bytes += part.length;
    if (bytes > maxBytes) throw new ResponseTooLarge(bytes, maxBytes, true);
    parts.push(part);
  }
  const only = parts.length === 1 ? parts[0] : undefined;
  return { body: only ?? Buffer.concat(parts, bytes), type: isText && parts.length > 0 ? TEXT : BYTES };
}

/** @param {any} chunk @returns {Uint8Array} */
function bytesOf(chunk) {
  if (isUint8Array(chunk)) return chunk;
  if (ArrayBuffer.isView(chunk)) return new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength);
  if (chunk instanceof ArrayBuffer) return new Uint8Array(chunk);
  throw new BadResponse(`body is a stream that gave ${describe(chunk)}; expected strings or bytes.`);
}

/** @param {any} form @param {number} maxBytes @param {string | undefined} type @returns {Promise<RenderedBody>} */
async function readForm(form, maxBytes, type) {
  const encoded = new Response(form);
  const boundary = /** @type {string} */ (encoded.headers.get('content-type'));
  if (type !== undefined && /^multipart\/form-data\s*$/i.test(type))
    throw new BadResponse(
      'body is a FormData, and the content type multipart/form-data was set without its boundary: set no content type.',
    );
  return { body: await readChunks(encoded.body, maxBytes), type: boundary };
}

/**
 * An object of a class, as JSON shows it.
 * @param {any} body
 * @returns {RenderedBody}
 */
function renderObject(body) {
  const json = renderJson(body);
  const prototype = Object.getPrototypeOf(body);
  // Plain data of another realm, or without prototype.
  const isData = prototype === null || Object.getPrototypeOf(prototype) === null || Array.isArray(body);
  const isOwnForm = isData || typeof body.toJSON === 'function';
  const hidesAll = !isOwnForm && String(json.subarray(0, 3)) === '{}';
  if (!isOwnForm && (hidesAll || body instanceof Error || isHandle(body)))
    throw new BadResponse(
      `body is ${describe(body)}, of which JSON shows ${hidesAll ? 'nothing' : 'only the insides'}; ${adviceFor(body)}.`,
    );
  return { body: json, type: 'application/json; charset=utf-8' };
}

/** Streams that can only be written to, sockets and servers: JSON shows their buffers and settings. @param {any} body */
function isHandle(body) {
  return typeof body.on === 'function' && typeof body.emit === 'function';
}

/** @param {any} body */
function adviceFor(body) {
  if (body instanceof Map) return 'expected plain data: Object.fromEntries(map)';
  if (body instanceof Set) return 'expected plain data: [...set]';
  if (body instanceof Error) return 'throw it, or answer its message';
  return 'expected plain data, a string, bytes or a stream';
}

/** @param {any} value */
function isThenable(value) {
  return value !== null && typeof value === 'object' && typeof value.then === 'function';
}

/** @param {any} value a Blob or a File */
function isBlob(value) {
  return (
    typeof value.stream === 'function' && typeof value.size === 'number' && typeof value.type === 'string'
  );
}

/** Checks the shape, because the global FormData loads a whole HTTP client. @param {any} value */
function isFormData(value) {
  return value[Symbol.toStringTag] === 'FormData' && typeof value.getAll === 'function';
}

/** @param {any} value */
function isResponse(value) {
  return typeof value.status === 'number' && typeof value.arrayBuffer === 'function' && 'body' in value;
}

module.exports = { readBody, readChunks };
