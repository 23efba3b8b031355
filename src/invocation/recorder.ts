/**
 * Owns records of calls from the end of the call on: counting them, making them readable at once, passing them to
 * followers, and writing them in the order in which the calls ended. The last output of a container is known only when the
 * container has ended; the record is amended then. At a graceful stop nothing is lost; at kill -9 at most the last second,
 * and output that was not known yet.
 */
import type { CallRecord } from '../model/call/call.js';
import type { FunctionRecord } from '../model/function/function.js';
import type { FunctionId } from '../model/function/id.js';
import { RecordWriter, type RecordWriterOptions } from './record-writer.js';

type Listener = (record: CallRecord) => void;

/** The record of a call that begins now, with its other fields still empty. */
export function emptyRecord(id: string, { id: functionId, ref, active }: FunctionRecord): CallRecord {
  return {
    id,
    functionId,
    funcName: ref.name,
    version: active.version,
    invokedAt: Date.now(),
    method: null,
    path: null,
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
  /** Ids of records whose output may still change. */
  readonly #open = new Set<string>();
  /** By function: each listener, and what it wants to be told when the function is deleted. */
  readonly #listeners = new Map<FunctionId, Map<Listener, () => void>>();

  constructor(options: RecordWriterOptions) {
    this.#counters = options.counters;
    this.#writer = new RecordWriter(options);
  }

  /**
   * Takes the record of a call that has been answered. The record can be read at once. Records of a function that was
   * deleted meanwhile are dropped.
   * @param amended when given, the caller may change the record's output in place until this promise resolves, with whether
   *   the output was changed. Followers get the record then.
   */
  add(record: CallRecord, amended?: Promise<boolean>): void {
    const counters = this.#counters(record.functionId);
    if (counters === undefined) return;
    counters.invokeCount += 1;
    if (record.outcome !== 'ok' && record.outcome !== 'cancelled') counters.errorCount += 1;
    counters.lastInvokedAt = Math.max(record.invokedAt, counters.lastInvokedAt ?? 0);
    this.#writer.add(record);
    if (amended) {
      this.#open.add(record.id);
      amended.then(
        (changed) => this.#close(record, changed),
        () => this.#close(record, false),
      );
    } else this.#announce(record);
  }

  /** Records not written yet, oldest first. @param id id of a function, to get its records only */
  pending(id?: FunctionId): CallRecord[] {
    return this.#writer.pending(id);
  }

  /** The record of this call, unless the store already has it in its present form. */
  find(callId: string): CallRecord | undefined {
    return this.#writer.find(callId);
  }

  /** Whether the record of this call may still change. */
  isOpen(callId: string): boolean {
    return this.#open.has(callId);
  }

  /** Number of records given up because the disk did not take them. */
  get dropped(): number {
    return this.#writer.dropped;
  }

  /**
   * Calls back with every finished record of a function from now on, until the function is deleted. The returned function
   * removes the listener.
   * @param removed called once when the function is deleted, unless the listener is removed before
   */
  onRecord(id: FunctionId, listener: Listener, removed: () => void = () => undefined): () => void {
    const listeners = this.#listeners.get(id) ?? new Map<Listener, () => void>();
    this.#listeners.set(id, listeners.set(listener, removed));
    return () => {
      listeners.delete(listener);
      if (listeners.size === 0 && this.#listeners.get(id) === listeners) this.#listeners.delete(id);
    };
  }

  /** Tells the listeners of a function that is deleted, and forgets them. */
  forget(id: FunctionId): void {
    const listeners = this.#listeners.get(id);
    this.#listeners.delete(id);
    for (const removed of listeners?.values() ?? []) removed();
  }

  /** Tries to write all records added by now, and resolves then. After a failure the records stay pending. */
  flush(): Promise<void> {
    return this.#writer.flush();
  }

  /** Writes all records for the last time: records that are still open stay as they are. */
  async close(): Promise<void> {
    this.#open.clear();
    await this.#writer.close();
  }

  #close(record: CallRecord, changed: boolean): void {
    if (!this.#open.delete(record.id)) return;
    if (this.#counters(record.functionId) === undefined) return;
    if (changed) this.#writer.amend(record);
    this.#announce(record);
  }

  #announce(record: CallRecord): void {
    if (this.#listeners.size === 0) return;
    for (const listener of this.#listeners.get(record.functionId)?.keys() ?? []) listener(record);
  }
}
