/**
 * Owns process.stdout and process.stderr inside the worker: text written through them or the console becomes `log`
 * messages of the load or call under way. The output of child processes and of a crashing Node does not pass here; the
 * host reads such output from the container.
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

  /** Replaces both streams of the process. Node would make its own streams on first use, and so never makes them. */
  install() {
    for (const name of /** @type {StreamName[]} */ (['stdout', 'stderr'])) {
      const stream = this.#stream(name);
      Object.defineProperty(process, name, { configurable: true, enumerable: true, get: () => stream });
    }
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

  /** Ends the output of the load or call: later output is dropped. Returns how many bytes of its output were not sent. */
  end() {
    this.#sink = null;
    return this.#cut;
  }

  /** @param {StreamName} name */
  #stream(name) {
    const stream = new Writable({
      decodeStrings: true,
      // Every write is sent at once, without batches: text printed before an endless loop must reach the host.
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
