/**
 * Owns what the function's own JavaScript prints: text written to process.stdout, process.stderr, the console, or through
 * `node:fs` to the descriptors 1 and 2, as loggers do, becomes `log` messages of the load or call under way, in the order it
 * is written. The output of child processes, of other threads, of native code and of a crashing Node does not pass here;
 * the host reads such output from the container.
 */
'use strict';
const fs = require('node:fs');
const { Writable } = require('node:stream');
const { MAX_STREAM_BYTES } = require('./protocol.cjs');

/** @typedef {'stdout' | 'stderr'} StreamName */

class Output {
  /** @type {((stream: StreamName, text: Buffer) => void) | null} */
  #sink = null;
  #sent = { stdout: 0, stderr: 0 };
  #cut = { stdout: 0, stderr: 0 };

  /** Replaces both streams of the process. Node would make its own streams on first use, and so never makes them. */
  install() {
    for (const name of /** @type {StreamName[]} */ (['stdout', 'stderr'])) {
      const stream = this.#stream(name);
      Object.defineProperty(process, name, { configurable: true, enumerable: true, get: () => stream });
    }
    this.#installDescriptors();
  }

  /**
   * Begins the output of one load or call, counted from zero.
   * @param {(stream: StreamName, text: Buffer) => void} sink
   */
  begin(sink) {
    this.#sink = sink;
    this.#sent = { stdout: 0, stderr: 0 };
    this.#cut = { stdout: 0, stderr: 0 };
  }

  /** Ends the output of the load or call: later output is dropped. Returns how many bytes of its output were not sent; undefined: none. */
  end() {
    this.#sink = null;
    return this.#cut.stdout + this.#cut.stderr === 0 ? undefined : this.#cut;
  }

  /**
   * Writes a line of the worker's own into the log of the work under way, whatever the function has made of its streams: they may
   * be ended, or throw, and a hint must not change how a call ends.
   * @param {string} hint a sentence without a full stop
   */
  tell(hint) {
    this.#print('stderr', Buffer.from(`glambdar: ${hint}\n`));
  }

  /**
   * Replaces the functions of `node:fs` that write to a descriptor. A replacement does something else than Node's function
   * only for descriptors 1 and 2, while work is under way, and for arguments that Node would accept.
   */
  #installDescriptors() {
    /** @param {unknown} fd @param {readonly (Buffer | null)[]} chunks @returns {number | null} null: not ours */
    const taken = (fd, chunks) => {
      if (this.#sink === null || chunks.includes(null)) return null;
      const name = fd === 1 ? 'stdout' : 'stderr';
      let bytes = 0;
      for (const chunk of /** @type {readonly Buffer[]} */ (chunks)) {
        this.#print(name, chunk);
        bytes += chunk.length;
      }
      return bytes;
    };
    /** @param {unknown} fd */
    const isOutput = (fd) => fd === 1 || fd === 2;
    const { write, writeSync, writev, writevSync, writeFileSync, appendFileSync } = fs;
    replace('writeSync', (fd, ...args) => {
      const bytes = isOutput(fd) ? taken(fd, [writtenBytes(args)]) : null;
      return bytes ?? Reflect.apply(writeSync, fs, [fd, ...args]);
    });
    replace('writevSync', (fd, ...args) => {
      const bytes = isOutput(fd) ? taken(fd, buffersOf(args[0])) : null;
      return bytes ?? Reflect.apply(writevSync, fs, [fd, ...args]);
    });
    replace('write', (fd, ...args) => {
      const done = args.at(-1);
      const bytes =
        isOutput(fd) && typeof done === 'function' ? taken(fd, [writtenBytes(args.slice(0, -1))]) : null;
      if (bytes === null) Reflect.apply(write, fs, [fd, ...args]);
      else process.nextTick(done, null, bytes, args[0]);
    });
    replace('writev', (fd, ...args) => {
      const done = args.at(-1);
      const bytes = isOutput(fd) && typeof done === 'function' ? taken(fd, buffersOf(args[0])) : null;
      if (bytes === null) Reflect.apply(writev, fs, [fd, ...args]);
      else process.nextTick(done, null, bytes, args[0]);
    });
    for (const [name, original] of Object.entries({ writeFileSync, appendFileSync }))
      replace(/** @type {'writeFileSync' | 'appendFileSync'} */ (name), (fd, ...args) => {
        const [data, options] = args;
        const encoding = typeof options === 'string' ? options : options?.encoding;
        if (!isOutput(fd) || taken(fd, [writtenBytes([data, null, encoding])]) === null)
          Reflect.apply(original, fs, [fd, ...args]);
      });
  }

  /** Sends at once what fits into the limit: text printed before an endless loop must reach the host. @param {StreamName} name @param {Buffer} chunk */
  #print(name, chunk) {
    if (!this.#sink) return;
    const room = MAX_STREAM_BYTES - this.#sent[name];
    const part = chunk.length > room ? chunk.subarray(0, room) : chunk;
    this.#sent[name] += part.length;
    this.#cut[name] += chunk.length - part.length;
    if (part.length > 0) this.#sink(name, part);
  }

  /** @param {StreamName} name */
  #stream(name) {
    const stream = new Writable({
      decodeStrings: true,
      write: (/** @type {Buffer} */ chunk, _encoding, done) => {
        this.#print(name, chunk);
        done();
      },
    });
    return Object.assign(stream, { fd: name === 'stdout' ? 1 : 2, isTTY: false, _type: 'pipe' });
  }
}

/**
 * Puts a function in the place of one of `node:fs`, with the properties of the original (util.promisify needs one of them).
 * @param {'write' | 'writeSync' | 'writev' | 'writevSync' | 'writeFileSync' | 'appendFileSync'} name
 * @param {(fd: unknown, ...args: any[]) => unknown} replacement
 */
function replace(name, replacement) {
  Object.defineProperties(replacement, Object.getOwnPropertyDescriptors(fs[name]));
  /** @type {any} */ (fs)[name] = replacement;
}

/**
 * The bytes that fs.write and fs.writeSync would write: `(text, position, encoding)`, `(buffer, offset, length)` or
 * `(buffer, { offset, length })`.
 * @param {any[]} args what follows the descriptor, without the callback
 * @returns {Buffer | null} null when Node has to say what is wrong with the arguments
 */
function writtenBytes([data, second, third]) {
  if (typeof data === 'string') {
    const encoding = third ?? 'utf8';
    return Buffer.isEncoding(encoding) ? Buffer.from(data, encoding) : null;
  }
  if (!ArrayBuffer.isView(data)) return null;
  const { offset, length } =
    second !== null && typeof second === 'object' ? second : { offset: second, length: third };
  const from = offset ?? 0;
  const count = length ?? data.byteLength - from;
  const fits = Number.isInteger(from) && Number.isInteger(count) && from >= 0 && count >= 0;
  if (!fits || from + count > data.byteLength) return null;
  return Buffer.from(data.buffer, data.byteOffset + from, count);
}

/** @param {unknown} views @returns {(Buffer | null)[]} */
function buffersOf(views) {
  return Array.isArray(views) ? views.map((view) => writtenBytes([view])) : [null];
}

module.exports = { Output };
