/** Owns what a module printed while it was loaded, until the first call takes it. */
import { JoinedBytes } from '../model/call/joined-bytes.js';
import type { LogSink } from '../model/call/execution.js';

/** Output of one load. How much that may be is the connection's to say. */
export class LoadLogs {
  readonly #streams = new Map<'stdout' | 'stderr', JoinedBytes>();

  readonly sink: LogSink = (stream, text) => {
    let joined = this.#streams.get(stream);
    if (joined === undefined) this.#streams.set(stream, (joined = new JoinedBytes(Infinity)));
    joined.add(text);
  };

  /** All of it, once. */
  take(): Parameters<LogSink>[] {
    const taken = [...this.#streams].map(([stream, { bytes }]): Parameters<LogSink> => [stream, bytes]);
    this.#streams.clear();
    return taken;
  }
}
