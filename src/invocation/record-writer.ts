/**
 * Owns records of calls on their way to the disk: written in batches, in the order in which they came, without holding calls
 * up. What waits is bounded by number and by size: a full disk, or functions that print much, cannot fill the memory.
 */
import type { Logger } from '../logger.js';
import type { FunctionCounters, InvocationRecord } from '../model/records.js';
import type { Store } from '../store/store.js';

const FLUSH_MS = 500;
/** So many records, or characters of theirs, are written without waiting for the time: well below what may wait. */
const FLUSH_AT = 2_500;
const FLUSH_TEXT_AT = 4 * 1024 * 1024;
/** Records, and characters, written in one go, some 2 ms of this thread: calls are served between two of them. */
const SLICE = 200;
const SLICE_TEXT = 512 * 1024;
/** Beyond this the oldest are given up. */
const MAX_WAITING = 5_000;
const MAX_WAITING_TEXT = 32 * 1024 * 1024;
/** After a failure. */
const RETRY_MS = 5_000;

export interface RecordWriterOptions {
  store: Store;
  /**
   * Live counters, changed in place; undefined once the function is gone. They stand for one life of a function: one that is
   * deployed again after a delete has others.
   */
  counters: (name: string) => FunctionCounters | undefined;
  keepPerFunction: number;
  logger: Logger;
}

/** A record, and the counters of its function when the call was let in. */
export interface RecordOfLife {
  record: InvocationRecord;
  life: FunctionCounters;
}

interface Entry extends RecordOfLife {
  /** Characters that it holds. */
  text: number;
}

export class RecordWriter {
  readonly #options: RecordWriterOptions;
  /** Not written yet, by id, oldest first. */
  readonly #pending = new Map<string, Entry>();
  /** Written, but changed since then; by id. */
  readonly #amended = new Map<string, Entry>();
  /** Characters of both. */
  #text = 0;
  /** Functions whose counters have changed. */
  readonly #dirty = new Set<string>();
  #timer: NodeJS.Timeout | null = null;
  /** What is left of a batch that is being written in slices. */
  #writing: Entry[] = [];
  #next: NodeJS.Immediate | null = null;
  #failing = false;
  #dropped = 0;

  constructor(options: RecordWriterOptions) {
    this.#options = options;
  }

  /** Whether the function that was called is still there. */
  lives({ record, life }: RecordOfLife): boolean {
    return this.#options.counters(record.funcName) === life;
  }

  /** A new record; the counters have changed too. */
  add({ record, life }: RecordOfLife): void {
    this.#dirty.add(record.funcName);
    this.#put(this.#pending, { record, life, text: textOf(record) });
  }

  /** The output of a record that was added has changed in place. */
  amend({ record, life }: RecordOfLife): void {
    const unwritten = this.#pending.get(record.id);
    if (unwritten) this.#text -= unwritten.text;
    this.#put(unwritten ? this.#pending : this.#amended, { record, life, text: textOf(record) });
  }

  /** Records not written yet, oldest first. */
  pending(): InvocationRecord[] {
    return [...this.#pending.values()].filter((entry) => this.lives(entry)).map(({ record }) => record);
  }

  /** The record of this id, if it is not written yet as it is now. */
  find(id: string): InvocationRecord | undefined {
    const entry = this.#pending.get(id) ?? this.#amended.get(id);
    return entry && this.lives(entry) ? entry.record : undefined;
  }

  /** Records given up because the disk did not take them. */
  get dropped(): number {
    return this.#dropped;
  }

  /** Writes all now. A failing medium keeps the records waiting and is tried again. */
  flush(): void {
    this.#collect();
    this.#write(Infinity, Infinity);
  }

  /** Writes all for the last time. */
  close(): void {
    this.flush();
    if (this.#timer) clearTimeout(this.#timer);
    this.#timer = null;
  }

  /** In its place, if it had one. */
  #put(into: Map<string, Entry>, entry: Entry): void {
    into.set(entry.record.id, entry);
    this.#text += entry.text;
    while (this.#pending.size > MAX_WAITING || this.#text > MAX_WAITING_TEXT) this.#giveUpOldest();
    const waiting = this.#pending.size - this.#writing.length;
    if ((waiting >= FLUSH_AT || this.#text >= FLUSH_TEXT_AT) && !this.#failing) this.#begin();
    else this.#schedule();
  }

  /** Writes all in slices, calls going on in between. */
  #begin(): void {
    if (this.#next) return;
    this.#collect();
    this.#next = setImmediate(() => this.#slice());
  }

  #slice(): void {
    this.#next = null;
    const written = this.#write(SLICE, SLICE_TEXT);
    if (written && this.#writing.length + this.#amended.size > 0)
      this.#next = setImmediate(() => this.#slice());
  }

  /** What is wanted. Of a function's calls only so many are kept: older ones need not be written first. */
  #collect(): void {
    if (this.#timer) clearTimeout(this.#timer);
    this.#timer = null;
    const room = new Map<string, number>();
    const wanted: Entry[] = [];
    for (const entry of [...this.#pending.values()].reverse()) {
      const { funcName } = entry.record;
      const left = room.get(funcName) ?? this.#options.keepPerFunction;
      if (left > 0 && this.lives(entry)) {
        wanted.push(entry);
        room.set(funcName, left - 1);
      } else this.#forget(this.#pending, entry);
    }
    this.#writing = wanted.reverse();
  }

  /** Writes a part of the batch and of what was amended, and the counters. False when the medium failed. */
  #write(count: number, text: number): boolean {
    const { store, keepPerFunction, logger } = this.#options;
    if (this.#next) clearImmediate(this.#next);
    this.#next = null;
    const added = this.#writing.splice(0, lengthWithin(this.#writing, count, text));
    const changed = [...this.#amended.values()];
    const amended =
      added.length > 0 && count < Infinity ? [] : changed.slice(0, lengthWithin(changed, count, text));
    const counters = new Map<string, FunctionCounters>();
    for (const name of this.#dirty) {
      const live = this.#options.counters(name);
      if (live) counters.set(name, { ...live });
    }
    try {
      // A function may have gone since the batch was put together.
      const records = added.filter((entry) => this.lives(entry)).map(({ record }) => record);
      if (records.length > 0 || counters.size > 0)
        store.appendInvocations(records, counters, keepPerFunction);
      for (const entry of added) this.#forget(this.#pending, entry);
      this.#dirty.clear();
      if (amended.length > 0) store.amendInvocations(amended.map(({ record }) => record));
      for (const entry of amended) this.#forget(this.#amended, entry);
      this.#failing = false;
    } catch (error) {
      this.#writing = [];
      this.#failing = true;
      logger.error(
        { err: error, records: added.length },
        'records of calls could not be written; they will be tried again',
      );
      this.#schedule();
    }
    if (this.#pending.size > this.#writing.length) this.#schedule();
    return !this.#failing;
  }

  #giveUpOldest(): void {
    const from = this.#pending.size > 0 ? this.#pending : this.#amended;
    const [oldest] = from.values();
    this.#forget(from, oldest!);
    this.#dropped += 1;
  }

  #forget(from: Map<string, Entry>, { record: { id } }: Entry): void {
    // It may have been changed since it was collected.
    this.#text -= from.get(id)?.text ?? 0;
    from.delete(id);
  }

  #schedule(): void {
    this.#timer ??= setTimeout(() => this.#begin(), this.#failing ? RETRY_MS : FLUSH_MS);
  }
}

function textOf({ stdout, stderr, error }: InvocationRecord): number {
  const told = error === null ? 0 : error.message.length + (error.stack?.length ?? 0);
  return stdout.length + stderr.length + told;
}

/** How many of them, from the first on, go together; one always does. */
function lengthWithin(entries: readonly Entry[], count: number, text: number): number {
  let left = text;
  const beyond = entries.findIndex((entry, index) => {
    left -= entry.text;
    return index > 0 && (index >= count || left < 0);
  });
  return beyond === -1 ? entries.length : beyond;
}
