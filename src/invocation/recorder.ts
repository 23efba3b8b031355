/**
 * Owns records of calls from the end of the call on: counted, readable at once, told to who follows, written in the order
 * in which the calls ended. The last output of a container is known later, when the container has ended; the record is
 * amended then. At a graceful stop nothing is lost; at kill -9 at most the last second, and output that was not known yet.
 */
import type { CallRecord } from '../model/call/call.js';
import type { FunctionRecord } from '../model/function/function.js';
import type { FunctionId } from '../model/function/id.js';
import { RecordWriter, type RecordWriterOptions } from './record-writer.js';

type Listener = (record: CallRecord) => void;

/** The record of a call that begins now, of which nothing is known yet. */
export function emptyRecord(id: string, { id: functionId, ref, active }: FunctionRecord): CallRecord {
  return {
    id,
    functionId,
    funcName: ref.name,
    version: active.version,
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
  /** Ids of records whose output may still change. */
  readonly #open = new Set<string>();
  readonly #listeners = new Map<FunctionId, Set<Listener>>();

  constructor(options: RecordWriterOptions) {
    this.#counters = options.counters;
    this.#writer = new RecordWriter(options);
  }

  /**
   * Takes the record of a call that has been answered. It can be read at once. Nothing is kept of a function that was
   * deleted meanwhile.
   * @param amended when given, the record's output may still be changed in place, right before this resolves: with whether
   *   the output was changed. Who follows the function sees the record then.
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

  /** Records not written yet, oldest first. @param id of one function alone */
  pending(id?: FunctionId): CallRecord[] {
    return this.#writer.pending(id);
  }

  /** The record of this call, if it is not written yet as it is now. */
  find(callId: string): CallRecord | undefined {
    return this.#writer.find(callId);
  }

  /** Whether the record of this call may still change. */
  isOpen(callId: string): boolean {
    return this.#open.has(callId);
  }

  /** Records given up because the disk did not take them. */
  get dropped(): number {
    return this.#writer.dropped;
  }

  /**
   * Calls back with every finished record of a function from now on, until the function is deleted. The returned function
   * stops that.
   */
  onRecord(id: FunctionId, listener: Listener): () => void {
    const listeners = this.#listeners.get(id) ?? new Set();
    this.#listeners.set(id, listeners.add(listener));
    return () => {
      listeners.delete(listener);
      if (listeners.size === 0 && this.#listeners.get(id) === listeners) this.#listeners.delete(id);
    };
  }

  /** Writes all that was added by now; resolves when that was tried. After a failure the records stay pending. */
  flush(): Promise<void> {
    return this.#writer.flush();
  }

  /** Writes all for the last time: records that are still open stay as they are. */
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
    for (const listener of this.#listeners.get(record.functionId) ?? []) listener(record);
  }
}
