/** Owns what a module printed while it was loaded, until the first call takes it. */
import { JoinedBytes } from '../model/call/joined-bytes.js';
import type { LogSink } from '../model/call/execution.js';

/** The output that is left for every call but the first: one array for all of them, for most calls take it. */
const NOTHING: readonly Parameters<LogSink>[] = [];

/** Output of one load. The connection limits its size. */
export class LoadLogs {
  readonly #streams = new Map<'stdout' | 'stderr', JoinedBytes>();

  readonly sink: LogSink = (stream, text) => {
    let joined = this.#streams.get(stream);
    if (joined === undefined) this.#streams.set(stream, (joined = new JoinedBytes(Infinity)));
    joined.add(text);
  };

  /** The text of one stream so far. The first call still takes it. */
  shown(stream: 'stdout' | 'stderr'): string {
    return this.#streams.get(stream)?.bytes.toString('utf8') ?? '';
  }

  /** Returns the whole output, one entry per stream, and forgets it. */
  take(): readonly Parameters<LogSink>[] {
    if (this.#streams.size === 0) return NOTHING;
    const taken = [...this.#streams].map(([stream, { bytes }]): Parameters<LogSink> => [stream, bytes]);
    this.#streams.clear();
    return taken;
  }
}
