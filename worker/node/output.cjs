/**
 * Owns process.stdout and process.stderr inside the worker: everything written through them or the console becomes
 * `log` messages of the work under way. Output of child processes and of a crashing Node bypasses this; the host
 * reads it from the container's own output.
 */
'use strict';
const { Writable } = require('node:stream');
const { MAX_STREAM_BYTES } = require('./protocol.cjs');

/** @typedef {'stdout' | 'stderr'} StreamName */

class Output {
  /** @type {((stream: StreamName, text: Buffer) => void) | null} */
  #sink = null;
  #sent = { stdout: 0, stderr: 0 };
  #cut = { stdout: 0, stderr: 0 };

  /** Puts itself in the place of both streams. Node's own are made lazily on first use, so they never come to be. */
  install() {
    for (const name of /** @type {StreamName[]} */ (['stdout', 'stderr'])) {
      const stream = this.#stream(name);
      Object.defineProperty(process, name, { configurable: true, enumerable: true, get: () => stream });
    }
  }

  /**
   * Output from now on belongs to one piece of work; counts start again.
   * @param {(stream: StreamName, text: Buffer) => void} sink
   */
  begin(sink) {
    this.#sink = sink;
    this.#sent = { stdout: 0, stderr: 0 };
    this.#cut = { stdout: 0, stderr: 0 };
  }

  /** Output after this belongs to nobody and is dropped. Returns how many bytes of the work's output were not sent. */
  end() {
    this.#sink = null;
    return this.#cut;
  }

  /** @param {StreamName} name */
  #stream(name) {
    const stream = new Writable({
      decodeStrings: true,
      // Written at once, not batched: what is printed before an endless loop must reach the host.
      write: (/** @type {Buffer} */ chunk, _encoding, done) => {
        if (this.#sink) {
          const room = MAX_STREAM_BYTES - this.#sent[name];
          const part = chunk.length > room ? chunk.subarray(0, room) : chunk;
          this.#sent[name] += part.length;
          this.#cut[name] += chunk.length - part.length;
          if (part.length > 0) this.#sink(name, part);
        }
        done();
      },
    });
    return Object.assign(stream, { fd: name === 'stdout' ? 1 : 2, isTTY: false, _type: 'pipe' });
  }
}

module.exports = { Output };
