/**
 * Owns the wire between host and worker: the frame, its limits, and the shape of every message. Both ends use this
 * file, so they cannot disagree; `src/instance/wire/worker-message.ts` checks the worker's messages on the host.
 *
 *   ┌──────────────────┬──────────────────┬───────────────┬────────────┐
 *   │ u32 header bytes │ u32 body bytes   │ JSON header   │ raw body   │   big-endian
 *   └──────────────────┴──────────────────┴───────────────┴────────────┘
 *
 *   worker                                host
 *     ready ───────────────────────────────▶          once, after connecting
 *     ◀──────────────────────────────── load          once
 *     log* , loaded | load-failed ─────────▶
 *     ◀────────────────────────────── invoke          more may come while one runs; the worker runs one after the other
 *     ◀────────────────────────────── cancel          the caller has gone
 *     ◀────────────────────────────── recall          the calls that the worker has not begun are wanted back
 *     returned ────────────────────────────▶          for each call that will not begin here
 *     log* , response | error ─────────────▶          the next call, if there is one, begins
 *
 * No call may run twice, and the host gives a call to another worker if this one has not begun it. So a worker begins a call with
 * `ahead` only if it had the call when the answer before it left the process, and if that was before the moment in `ahead`.
 * It gives every other such call back, also those behind a failure that `isLast`, and those behind a call that ran for
 * `LONG_CALL_MS`; these before it answers, because the host may be about to stop the container for that call.
 */
'use strict';

/**
 * @typedef {{ name: string, message: string, stack: string, file?: string, line?: number }} SerializedError
 *   Plain data, every string bounded. `file` is relative to the function's folder.
 *
 * @typedef {{ type: 'ready', protocol: number, node: string, clockMs: number }} ReadyMessage `clockMs`: `monotonicMs` when it was sent
 * @typedef {{ type: 'loaded', id: string }} LoadedMessage
 * @typedef {{ type: 'load-failed', id: string, error: SerializedError }} LoadFailedMessage
 * @typedef {{ type: 'log', id: string, stream: 'stdout' | 'stderr' }} LogMessage body: UTF-8 text
 * @typedef {{ stdout: number, stderr: number }} CutBytes bytes of output that were not sent, because it was too much; left away when there were none
 * @typedef {{ type: 'response', id: string, statusCode: number, headers: [string, string][], cut?: CutBytes | undefined, peakMemoryKb: number }} ResponseMessage body: raw
 * @typedef {'function' | 'invalid-body' | 'bad-response' | 'response-too-large' | 'unsettled' | 'uncaught'} FailureKind
 * @typedef {{ type: 'error', id: string, kind: FailureKind, error: SerializedError, cut?: CutBytes | undefined, peakMemoryKb: number }} ErrorMessage
 * @typedef {{ type: 'returned', id: string }} ReturnedMessage
 * @typedef {ReadyMessage | LoadedMessage | LoadFailedMessage | LogMessage | ResponseMessage | ErrorMessage | ReturnedMessage} WorkerMessage
 *
 * @typedef {{ type: 'load', id: string, name: string, memoryMb: number, handler: string | null, contract: string, env: Record<string, string> }} LoadMessage
 * @typedef {{ type: 'invoke', id: string, invocationId: string, version: number, method: string, path: string, basePath?: string, query: string, headers: [string, string][], host?: string | undefined, protocol?: 'http' | 'https', clientAddress?: string | undefined, timeoutMs: number, maxResponseBytes: number, oneUse?: true | undefined, ahead?: number | undefined }} InvokeMessage
 *   body: the request's. `ahead`: another call was under way when it was sent; until this moment of `monotonicMs` it may begin
 * @typedef {{ type: 'cancel', id: string }} CancelMessage
 * @typedef {{ type: 'recall' }} RecallMessage
 * @typedef {LoadMessage | InvokeMessage | CancelMessage | RecallMessage} HostMessage
 *
 * @typedef {{ maxHeaderBytes: number, maxBodyBytes: number }} FrameLimits
 */

/** Raised with every incompatible change; the host refuses a worker that announces another version. */
const PROTOCOL_VERSION = 4;
/** Larger than any legal JSON header. The largest has an error of 48 KiB (`error.cjs`), whose characters may take six each in JSON. */
const MAX_HEADER_BYTES = 320 * 1024;
/** Bytes sent of each output stream of one load or call; further bytes are only counted. */
const MAX_STREAM_BYTES = 256 * 1024;
/**
 * When a call has run for this long, in milliseconds, the calls behind it no longer wait for it. The host asks for them; a worker
 * that could not read that meanwhile gives them back by itself.
 */
const LONG_CALL_MS = 20;
/** For how long after it was sent ahead a call may begin, in milliseconds: then a worker that hears nothing no longer keeps it. */
const AHEAD_MS = 100;
/** The name of a worker's error about an image's server that broke off the connection. */
const BROKEN_OFF = 'BrokenOff';
const PREFIX_BYTES = 8;
/** Number of loose chunks of one frame after which the decoder joins them. */
const MAX_LOOSE_CHUNKS = 1024;
/** A smaller body is copied behind its header, a larger one is written separately: copying 64 KiB costs as much as a second iovec. */
const COPY_BELOW_BYTES = 64 * 1024;
/** A frame with a smaller body is written as text where it can be: Node sends a short text without making a buffer of it. */
const TEXT_BELOW_BYTES = 4 * 1024;

const EMPTY = Buffer.alloc(0);

const { hrtime } = process;

/** Whole milliseconds of the kernel's monotonic clock, which usually is the same in all containers. */
function monotonicMs() {
  const [seconds, nanoseconds] = hrtime();
  return seconds * 1_000 + Math.floor(nanoseconds / 1e6);
}

/**
 * Whether a worker begins none of the calls it has after such a failure, because its process, or the image beside it, may be
 * damaged. It gives them back.
 * @param {Pick<ErrorMessage, 'kind' | 'error'>} failure
 */
function isLast({ kind, error }) {
  return kind === 'uncaught' || kind === 'unsettled' || error.name === BROKEN_OFF;
}

/**
 * The parts of one frame, to be written in order and at once.
 * @param {HostMessage | WorkerMessage} header
 * @param {Uint8Array} [body]
 * @returns {Buffer[]} one buffer, or two when the body is large
 */
function encodeFrame(header, body = EMPTY) {
  return framed(JSON.stringify(header), body);
}

/** @param {string} json the header @param {Uint8Array} body @returns {Buffer[]} see `encodeFrame` */
function framed(json, body) {
  const jsonBytes = Buffer.byteLength(json);
  const copy = body.length < COPY_BELOW_BYTES;
  const first = Buffer.allocUnsafe(PREFIX_BYTES + jsonBytes + (copy ? body.length : 0));
  first.writeUInt32BE(jsonBytes, 0);
  first.writeUInt32BE(body.length, 4);
  first.write(json, PREFIX_BYTES, jsonBytes, jsonBytes === json.length ? 'latin1' : 'utf8');
  if (copy) {
    if (body.length > 0) first.set(body, PREFIX_BYTES + jsonBytes);
    return [first];
  }
  return [first, Buffer.from(body.buffer, body.byteOffset, body.byteLength)];
}

/**
 * A frame as text, each character one byte (latin1).
 * @param {string} json the header, in ASCII @param {Uint8Array} body @returns {string}
 */
function framedText(json, body) {
  const text = body.length === 0 ? '' : Buffer.prototype.latin1Slice.call(body, 0, body.length);
  return uint32Text(json.length) + uint32Text(body.length) + json + text;
}

/** The four bytes of a number, big-endian, each as one character. @param {number} n */
function uint32Text(n) {
  return String.fromCharCode(n >>> 24, (n >>> 16) & 0xff, (n >>> 8) & 0xff, n & 0xff);
}

/**
 * Writes one frame with one system call where the socket can take it.
 * @param {Pick<import('node:net').Socket, 'write' | 'cork' | 'uncork'>} socket
 * @param {HostMessage | WorkerMessage} header
 * @param {Uint8Array} [body]
 */
function writeFrame(socket, header, body = EMPTY) {
  const json = JSON.stringify(header);
  if (body.length < TEXT_BELOW_BYTES && Buffer.byteLength(json) === json.length) {
    socket.write(framedText(json, body), 'latin1');
    return;
  }
  const parts = framed(json, body);
  if (parts.length === 1) {
    socket.write(/** @type {Buffer} */ (parts[0]));
    return;
  }
  socket.cork();
  for (const part of parts) socket.write(part);
  socket.uncork();
}

/** The peer broke the protocol: no further byte of the peer can be understood. */
class ProtocolError extends Error {
  /** @param {string} message */
  constructor(message) {
    super(message);
    this.name = 'ProtocolError';
  }
}

/**
 * Takes bytes as they come and calls back once per whole frame. Announced sizes are compared with the limits before bytes
 * of the frame are kept; chunks are listed and joined once (appending would be quadratic for a peer that sends single bytes).
 */
class FrameDecoder {
  /** @type {Buffer[]} */
  #chunks = [];
  /** Chunks at the end of the list that were not joined yet. */
  #loose = 0;
  #bytes = 0;
  #headerBytes = -1;
  #bodyBytes = 0;
  #utf8 = new TextDecoder('utf-8', { fatal: true });
  /** @type {FrameLimits} */
  #limits;
  /** @type {(header: unknown, body: Buffer, headerBytes: number) => void} */
  #onFrame;

  /**
   * @param {FrameLimits} limits the owner of the object may change the limits between frames
   * @param {(header: unknown, body: Buffer, headerBytes: number) => void} onFrame `header` is parsed JSON of unknown shape
   */
  constructor(limits, onFrame) {
    this.#limits = limits;
    this.#onFrame = onFrame;
  }

  /** How many bytes of an unfinished frame have been received. */
  get pendingBytes() {
    return this.#bytes;
  }

  /** Whether no byte of a next frame has come yet. */
  get betweenFrames() {
    return this.#bytes === 0 && this.#headerBytes < 0;
  }

  /**
   * @param {Buffer} chunk
   * @param {boolean} [borrowed] the chunk's memory is used again after this call: the decoder copies what it keeps, and the
   *   body that `onFrame` gets is valid only until `onFrame` returns
   * @throws {ProtocolError}
   */
  push(chunk, borrowed = false) {
    const rest = this.betweenFrames ? this.#wholeFrames(chunk) : chunk;
    if (rest.length === 0) return;
    this.#chunks.push(borrowed ? Buffer.from(rest) : rest);
    this.#bytes += rest.length;
    this.#loose += 1;
    if (this.#loose === MAX_LOOSE_CHUNKS) this.#join();
    for (;;) {
      if (this.#headerBytes < 0) {
        if (this.#bytes < PREFIX_BYTES) return;
        const prefix = this.#take(PREFIX_BYTES);
        this.#headerBytes = prefix.readUInt32BE(0);
        this.#bodyBytes = prefix.readUInt32BE(4);
        this.#assertSizes(this.#headerBytes, this.#bodyBytes);
      }
      if (this.#bytes < this.#headerBytes + this.#bodyBytes) return;
      const header = this.#parse(this.#take(this.#headerBytes), 0, this.#headerBytes);
      const body = this.#take(this.#bodyBytes);
      const headerBytes = this.#headerBytes;
      this.#headerBytes = -1;
      this.#onFrame(header, body, headerBytes);
    }
  }

  /**
   * Takes the common case, whole messages in one chunk, without listing, joining or copying.
   * @param {Buffer} chunk begins with a frame
   * @returns {Buffer} the bytes behind the last whole frame
   */
  #wholeFrames(chunk) {
    let at = 0;
    while (chunk.length - at >= PREFIX_BYTES) {
      const headerBytes = chunk.readUInt32BE(at);
      const bodyBytes = chunk.readUInt32BE(at + 4);
      this.#assertSizes(headerBytes, bodyBytes);
      const body = at + PREFIX_BYTES + headerBytes;
      if (chunk.length < body + bodyBytes) break;
      const header = this.#parse(chunk, at + PREFIX_BYTES, body);
      at = body + bodyBytes;
      this.#onFrame(header, bodyBytes === 0 ? EMPTY : chunk.subarray(body, at), headerBytes);
    }
    return at === 0 ? chunk : chunk.subarray(at);
  }

  /**
   * Compares announced sizes with the limits, before bytes of such a frame are kept.
   * @param {number} headerBytes @param {number} bodyBytes
   */
  #assertSizes(headerBytes, bodyBytes) {
    if (headerBytes === 0 || headerBytes > this.#limits.maxHeaderBytes)
      throw new ProtocolError(`a header of ${headerBytes} bytes was announced`);
    if (bodyBytes > this.#limits.maxBodyBytes)
      throw new ProtocolError(`a body of ${bodyBytes} bytes was announced`);
  }

  /** @param {Buffer} bytes @param {number} from @param {number} to @returns {unknown} */
  #parse(bytes, from, to) {
    try {
      const text = bytes.toString('utf8', from, to);
      // Bytes that are not UTF-8 become U+FFFD; the strict decoder tells them from a U+FFFD that was sent.
      return JSON.parse(text.includes('\ufffd') ? this.#utf8.decode(bytes.subarray(from, to)) : text);
    } catch {
      throw new ProtocolError('a header is not JSON in UTF-8');
    }
  }

  /** Joins the loose chunks: a list of single bytes would take hundreds of times their number in memory. Each byte is joined here once. */
  #join() {
    const chunks = this.#chunks.splice(-this.#loose);
    this.#chunks.push(Buffer.concat(chunks));
    this.#loose = 0;
  }

  /** @param {number} count no more than has been received @returns {Buffer} */
  #take(count) {
    if (count === 0) return EMPTY;
    this.#bytes -= count;
    const first = /** @type {Buffer} */ (this.#chunks[0]);
    if (first.length > count) {
      this.#chunks[0] = first.subarray(count);
      return first.subarray(0, count);
    }
    let used = 0;
    let have = 0;
    while (have < count) have += /** @type {Buffer} */ (this.#chunks[used++]).length;
    const last = /** @type {Buffer} */ (this.#chunks[used - 1]);
    const whole = used === 1 ? first : Buffer.concat(this.#chunks.slice(0, used), have);
    if (have === count) this.#chunks.splice(0, used);
    else this.#chunks.splice(0, used, last.subarray(last.length - (have - count)));
    this.#loose = Math.min(this.#loose, this.#chunks.length);
    return whole.subarray(0, count);
  }
}

module.exports = {
  PROTOCOL_VERSION,
  MAX_HEADER_BYTES,
  MAX_STREAM_BYTES,
  LONG_CALL_MS,
  AHEAD_MS,
  monotonicMs,
  BROKEN_OFF,
  ProtocolError,
  FrameDecoder,
  encodeFrame,
  isLast,
  writeFrame,
};
