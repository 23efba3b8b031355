/**
 * Owns records of calls between their end and the disk: readable at once, written in batches. At a graceful stop
 * nothing is lost; at kill -9 at most what came since the last flush.
 */
import { EventEmitter } from 'node:events';
import type { Logger } from '../logger.js';
import type { FunctionCounters, InvocationRecord } from '../store/records.js';
import type { Store } from '../store/store.js';

const FLUSH_MS = 200;
/** Beyond this the oldest unwritten records are given up, so that a full disk cannot fill the memory. */
const MAX_PENDING = 5_000;

export interface RecorderOptions {
  store: Store;
  /** Live counters, changed in place; undefined once the function is gone. */
  counters: (name: string) => FunctionCounters | undefined;
  keepPerFunction: number;
  logger: Logger;
}

export class Recorder {
  #options: RecorderOptions;
  #pending: InvocationRecord[] = [];
  #open = new Set<InvocationRecord>();
  #dirty = new Set<string>();
  #timer: NodeJS.Timeout | null = null;
  #dropped = 0;
  #events = new EventEmitter().setMaxListeners(0);

  constructor(options: RecorderOptions) {
    this.#options = options;
  }

  /**
   * Takes the record of a call that has been answered. It can be read at once.
   * @param amended when given, the record may still be changed in place until this settles; it is written after that
   */
  add(record: InvocationRecord, amended?: Promise<unknown>): void {
    const counters = this.#options.counters(record.funcName);
    if (!counters) return;
    counters.invokeCount += 1;
    if (record.outcome !== 'ok' && record.outcome !== 'cancelled') counters.errorCount += 1;
    counters.lastInvokedAt = Math.max(record.invokedAt, counters.lastInvokedAt ?? 0);
    this.#dirty.add(record.funcName);
    this.#pending.push(record);
    if (this.#pending.length > MAX_PENDING) {
      this.#open.delete(this.#pending.shift()!);
      this.#dropped += 1;
    }
    if (amended) {
      this.#open.add(record);
      void amended.catch(() => undefined).then(() => this.#close(record));
    } else this.#announce(record);
    this.#schedule();
  }

  /** Records not written yet, oldest first. */
  pending(): readonly InvocationRecord[] {
    return this.#pending;
  }

  /** Records given up because the disk did not take them. */
  get dropped(): number {
    return this.#dropped;
  }

  /** Calls back with every finished record of a function from now on. The returned function stops it. */
  onRecord(funcName: string, listener: (record: InvocationRecord) => void): () => void {
    this.#events.on(eventOf(funcName), listener);
    return () => this.#events.off(eventOf(funcName), listener);
  }

  /** Writes what is finished. A failing medium keeps the records pending and is tried again. */
  flush(): void {
    if (this.#timer) clearTimeout(this.#timer);
    this.#timer = null;
    const { store, keepPerFunction, logger } = this.#options;
    const finished = this.#pending.filter((record) => !this.#open.has(record));
    const counters = new Map<string, FunctionCounters>();
    for (const name of this.#dirty) {
      const live = this.#options.counters(name);
      if (live) counters.set(name, { ...live });
    }
    if (finished.length === 0 && counters.size === 0) return;
    try {
      store.appendInvocations(
        finished.filter((record) => this.#options.counters(record.funcName)),
        counters,
        keepPerFunction,
      );
      this.#pending = this.#pending.filter((record) => this.#open.has(record));
      this.#dirty.clear();
    } catch (error) {
      logger.error(
        { err: error, records: finished.length },
        'records of calls could not be written; they will be tried again',
      );
      this.#schedule(5_000);
    }
    if (this.#open.size > 0) this.#schedule();
  }

  /** Writes everything, records still open included. */
  close(): void {
    this.#open.clear();
    this.flush();
    if (this.#timer) clearTimeout(this.#timer);
    this.#timer = null;
  }

  #close(record: InvocationRecord): void {
    if (!this.#open.delete(record)) return;
    this.#announce(record);
  }

  #announce(record: InvocationRecord): void {
    this.#events.emit(eventOf(record.funcName), record);
  }

  #schedule(afterMs = FLUSH_MS): void {
    this.#timer ??= setTimeout(() => this.flush(), afterMs);
  }
}

/** Not the bare name: a function may be called "error", and an event of that name nobody listens to is thrown. */
function eventOf(funcName: string): string {
  return `record:${funcName}`;
}
