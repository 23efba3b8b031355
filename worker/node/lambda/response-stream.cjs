/**
 * Owns streaming handlers of AWS Lambda, `awslambda.streamifyResponse((event, responseStream, context) => …)`. What they
 * write is collected, and sent when the stream has ended.
 */
'use strict';
const { Writable } = require('node:stream');
const { finished } = require('node:stream/promises');
const { ResponseTooLarge } = require('../answer/answer-rules.cjs');

const STREAMING = Symbol('streaming');

/** @typedef {{ statusCode?: unknown, headers?: any, cookies?: unknown }} Prelude */

class ResponseStream extends Writable {
  /** @type {Buffer[]} */
  #chunks = [];
  #bytes = 0;
  #maxBytes;
  /** @type {Prelude} */
  prelude = {};
  /** @type {string | undefined} */
  contentType;

  /** @param {number} maxBytes */
  constructor(maxBytes) {
    super();
    this.#maxBytes = maxBytes;
  }

  /** @param {Buffer} chunk @param {string} _encoding @param {(error?: Error) => void} done @override */
  _write(chunk, _encoding, done) {
    this.#bytes += chunk.length;
    if (this.#bytes > this.#maxBytes) return done(new ResponseTooLarge(this.#bytes, this.#maxBytes, true));
    this.#chunks.push(chunk);
    done();
  }

  /** @param {string} type */
  setContentType(type) {
    this.contentType = type;
  }

  /** What was written so far. */
  content() {
    return Buffer.concat(this.#chunks);
  }
}

/** As AWS has it: gives status, headers and cookies to a response stream. */
class HttpResponseStream {
  /** @param {ResponseStream} stream @param {Prelude} [prelude] */
  static from(stream, prelude = {}) {
    stream.prelude = prelude;
    return stream;
  }
}

/** The answer of a streaming handler. */
class StreamedAnswer {
  /** @param {ResponseStream} stream that has ended */
  constructor(stream) {
    const { statusCode, headers, cookies } = stream.prelude;
    this.statusCode = statusCode ?? 200;
    this.headers = headers ?? {};
    this.cookies = cookies;
    this.body = stream.content();
    this.type = stream.contentType ?? 'application/octet-stream';
  }
}

/** Marks a handler as a streaming one. @param {any} handler */
function streamifyResponse(handler) {
  handler[STREAMING] = true;
  return handler;
}

/** @param {any} handler */
function isStreaming(handler) {
  return handler[STREAMING] === true;
}

/**
 * @param {Function} handler
 * @param {unknown} event
 * @param {unknown} context
 * @param {number} maxBytes
 * @returns {Promise<StreamedAnswer>} when the handler has returned and the stream has ended
 */
async function answerOfStream(handler, event, context, maxBytes) {
  const stream = new ResponseStream(maxBytes);
  await Promise.all([handler(event, stream, context), finished(stream)]);
  return new StreamedAnswer(stream);
}

module.exports = { answerOfStream, HttpResponseStream, isStreaming, StreamedAnswer, streamifyResponse };
