/**
 * Owns records of calls from their end on: counted, readable at once, told to who follows, written in the order in which the
 * calls ended. What a container wrote last is known later, when it has ended; the record is amended then. At a graceful stop
 * nothing is lost; at kill -9 at most the last second, and output that was not known yet.
 */
import type { FunctionCounters, InvocationRecord, VersionRecord } from '../model/records.js';
import { RecordWriter, type RecordOfLife, type RecordWriterOptions } from './record-writer.js';

type Listener = (record: InvocationRecord) => void;

/** The record of a call that begins now, of which nothing is known yet. */
export function emptyRecord(id: string, { name, version }: VersionRecord): InvocationRecord {
  return {
    id,
    funcName: name,
    version,
    invokedAt: Date.now(),
    status: 0,
    outcome: 'ok',
    start: null,
    durationMs: 0,
    queueMs: 0,
    startMs: 0,
    loadMs: 0,
    runMs: 0,
    peakMemoryMb: null,
    stdout: '',
    stderr: '',
    error: null,
  };
}

export class Recorder {
  readonly #counters: RecordWriterOptions['counters'];
  readonly #writer: RecordWriter;
  /** Ids of those whose output may still change. */
  readonly #open = new Set<string>();
  readonly #listeners = new Map<FunctionCounters, Set<Listener>>();

  constructor(options: RecordWriterOptions) {
    this.#counters = options.counters;
    this.#writer = new RecordWriter(options);
  }

  /**
   * Takes the record of a call that has been answered. It can be read at once.
   * @param life the function's counters when the call was let in; nothing is kept of a function that is gone since
   * @param amended when given, the record's output may still be changed in place, right before this resolves: with whether
   *   it was. Who follows the function sees the record then.
   */
  add(record: InvocationRecord, life: FunctionCounters, amended?: Promise<boolean>): void {
    const called = { record, life };
    if (!this.#writer.lives(called)) return;
    life.invokeCount += 1;
    if (record.outcome !== 'ok' && record.outcome !== 'cancelled') life.errorCount += 1;
    life.lastInvokedAt = Math.max(record.invokedAt, life.lastInvokedAt ?? 0);
    this.#writer.add(called);
    if (amended) {
      this.#open.add(record.id);
      amended.then(
        (changed) => this.#close(called, changed),
        () => this.#close(called, false),
      );
    } else this.#announce(called);
  }

  /** Records not written yet, oldest first. */
  pending(): readonly InvocationRecord[] {
    return this.#writer.pending();
  }

  /** The record of this id, if it is not written yet as it is now. */
  find(id: string): InvocationRecord | undefined {
    return this.#writer.find(id);
  }

  /** Whether the record of this id may still change. */
  isOpen(id: string): boolean {
    return this.#open.has(id);
  }

  /** Records given up because the disk did not take them. */
  get dropped(): number {
    return this.#writer.dropped;
  }

  /**
   * Calls back with every finished record of a function from now on, until the function is deleted. The returned function
   * stops it.
   */
  onRecord(funcName: string, listener: Listener): () => void {
    const life = this.#counters(funcName);
    if (life === undefined) return () => undefined;
    const listeners = this.#listeners.get(life) ?? new Set();
    this.#listeners.set(life, listeners.add(listener));
    return () => {
      listeners.delete(listener);
      if (listeners.size === 0 && this.#listeners.get(life) === listeners) this.#listeners.delete(life);
    };
  }

  /** Writes all now. A failing medium keeps the records pending and is tried again. */
  flush(): void {
    this.#writer.flush();
  }

  /** Writes all for the last time: what is still open stays as it is. */
  close(): void {
    this.#open.clear();
    this.#writer.close();
  }

  #close(called: RecordOfLife, changed: boolean): void {
    if (!this.#open.delete(called.record.id)) return;
    if (!this.#writer.lives(called)) return;
    if (changed) this.#writer.amend(called);
    this.#announce(called);
  }

  #announce({ record, life }: RecordOfLife): void {
    if (this.#listeners.size === 0) return;
    for (const listener of this.#listeners.get(life) ?? []) listener(record);
  }
}
