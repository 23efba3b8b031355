/**
 * Owns records of calls between their end and the disk: readable at once, written in batches, in the order in which the
 * calls ended. What a container wrote last is known later, when it has ended; the record on disk is amended then. At a
 * graceful stop nothing is lost; at kill -9 at most the last second, and output that was not known yet.
 */
import type { Logger } from '../logger.js';
import type { FunctionCounters, InvocationRecord, VersionRecord } from '../store/records.js';
import type { Store } from '../store/store.js';

const FLUSH_MS = 500;
/** So many are written without waiting for the time: what waits must stay well below MAX_PENDING. */
const FLUSH_AT = 2_500;
/** Records written in one go, about 2 ms of this thread: calls are served between two of them. */
const SLICE = 200;
/** Beyond this the oldest unwritten records are given up, so that a full disk cannot fill the memory. */
const MAX_PENDING = 5_000;
/** After a failure. */
const RETRY_MS = 5_000;

export interface RecorderOptions {
  store: Store;
  /** Live counters, changed in place; undefined once the function is gone. */
  counters: (name: string) => FunctionCounters | undefined;
  keepPerFunction: number;
  logger: Logger;
}

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
  #options: RecorderOptions;
  /** Not written yet, by id, oldest first. */
  #pending = new Map<string, InvocationRecord>();
  /** Their output may still change. */
  #open = new Set<InvocationRecord>();
  /** Written, but changed since then; by id. */
  #amended = new Map<string, InvocationRecord>();
  #dirty = new Set<string>();
  #timer: NodeJS.Timeout | null = null;
  /** What is left of a batch that is being written in slices. */
  #writing: InvocationRecord[] = [];
  #next: NodeJS.Immediate | null = null;
  #failing = false;
  #dropped = 0;
  #listeners = new Map<string, Set<(record: InvocationRecord) => void>>();

  constructor(options: RecorderOptions) {
    this.#options = options;
  }

  /**
   * Takes the record of a call that has been answered. It can be read at once.
   * @param amended when given, the record's output may still be changed in place, right before this resolves: with whether
   *   it was. Who follows the function sees the record then.
   */
  add(record: InvocationRecord, amended?: Promise<boolean>): void {
    const counters = this.#options.counters(record.funcName);
    if (!counters) return;
    counters.invokeCount += 1;
    if (record.outcome !== 'ok' && record.outcome !== 'cancelled') counters.errorCount += 1;
    counters.lastInvokedAt = Math.max(record.invokedAt, counters.lastInvokedAt ?? 0);
    this.#dirty.add(record.funcName);
    this.#pending.set(record.id, record);
    if (this.#pending.size > MAX_PENDING) this.#giveUpOldest();
    if (amended) {
      this.#open.add(record);
      amended.then(
        (changed) => this.#close(record, changed),
        () => this.#close(record, false),
      );
    } else this.#announce(record);
    const waiting = this.#pending.size - this.#writing.length;
    if (waiting >= FLUSH_AT && !this.#failing) this.#begin();
    else this.#schedule();
  }

  /** Records not written yet, oldest first. */
  pending(): readonly InvocationRecord[] {
    return [...this.#pending.values()];
  }

  /** The record of this id, if it is not written yet as it is now. */
  find(id: string): InvocationRecord | undefined {
    return this.#pending.get(id) ?? this.#amended.get(id);
  }

  /** Records given up because the disk did not take them. */
  get dropped(): number {
    return this.#dropped;
  }

  /** Calls back with every finished record of a function from now on. The returned function stops it. */
  onRecord(funcName: string, listener: (record: InvocationRecord) => void): () => void {
    const listeners = this.#listeners.get(funcName) ?? new Set();
    this.#listeners.set(funcName, listeners.add(listener));
    return () => {
      listeners.delete(listener);
      if (listeners.size === 0 && this.#listeners.get(funcName) === listeners)
        this.#listeners.delete(funcName);
    };
  }

  /** Writes all now. A failing medium keeps the records pending and is tried again. */
  flush(): void {
    this.#collect();
    this.#write(this.#writing.length);
  }

  /** Writes all for the last time: what is still open stays as it is. */
  close(): void {
    this.#open.clear();
    this.flush();
    if (this.#timer) clearTimeout(this.#timer);
    this.#timer = null;
  }

  /** Writes all in slices, calls going on in between. */
  #begin(): void {
    if (this.#next) return;
    this.#collect();
    this.#next = setImmediate(() => this.#slice());
  }

  #slice(): void {
    this.#next = null;
    if (this.#write(SLICE) && this.#writing.length > 0) this.#next = setImmediate(() => this.#slice());
  }

  /** What is wanted. Of a function's calls only so many are kept: older ones need not be written first. */
  #collect(): void {
    if (this.#timer) clearTimeout(this.#timer);
    this.#timer = null;
    const room = new Map<string, number>();
    const wanted: InvocationRecord[] = [];
    for (const record of this.pending().toReversed()) {
      const left = room.get(record.funcName) ?? this.#options.keepPerFunction;
      room.set(record.funcName, left - 1);
      if (left > 0 && this.#options.counters(record.funcName)) wanted.push(record);
      else this.#pending.delete(record.id);
    }
    this.#writing = wanted.reverse();
  }

  /** Writes up to `count` records of the batch, what was amended, and the counters. False when the medium failed. */
  #write(count: number): boolean {
    const { store, keepPerFunction, logger } = this.#options;
    if (this.#next) clearImmediate(this.#next);
    this.#next = null;
    const records = this.#writing.splice(0, count);
    const counters = new Map<string, FunctionCounters>();
    for (const name of this.#dirty) {
      const live = this.#options.counters(name);
      if (live) counters.set(name, { ...live });
    }
    try {
      if (records.length > 0 || counters.size > 0)
        store.appendInvocations(records, counters, keepPerFunction);
      for (const record of records) this.#pending.delete(record.id);
      this.#dirty.clear();
      if (this.#amended.size > 0) store.amendInvocations([...this.#amended.values()]);
      this.#amended.clear();
      this.#failing = false;
    } catch (error) {
      this.#writing = [];
      this.#failing = true;
      logger.error(
        { err: error, records: records.length },
        'records of calls could not be written; they will be tried again',
      );
      this.#schedule();
    }
    if (this.#pending.size > this.#writing.length) this.#schedule();
    return !this.#failing;
  }

  #close(record: InvocationRecord, changed: boolean): void {
    if (!this.#open.delete(record)) return;
    if (changed && !this.#pending.has(record.id)) {
      this.#amended.set(record.id, record);
      this.#schedule();
    }
    this.#announce(record);
  }

  #announce(record: InvocationRecord): void {
    if (this.#listeners.size === 0) return;
    for (const listener of this.#listeners.get(record.funcName) ?? []) listener(record);
  }

  #giveUpOldest(): void {
    const [oldest] = this.#pending.values();
    this.#pending.delete(oldest!.id);
    this.#dropped += 1;
  }

  #schedule(): void {
    this.#timer ??= setTimeout(() => this.#begin(), this.#failing ? RETRY_MS : FLUSH_MS);
  }
}
