/**
 * Owns records of calls on their way to the store: written in batches, in the order in which they came, without holding
 * calls up. Waiting records are bounded by number and by size: a full disk, or functions that print much, cannot fill the
 * memory.
 */
import type { Logger } from '../logger.js';
import type { CallRecord } from '../model/call/call.js';
import type { FunctionCounters } from '../model/function/function.js';
import type { FunctionId } from '../model/function/id.js';
import type { CallStore } from '../store/call-store.js';

const FLUSH_MS = 500;
/** Waiting records, or characters in them, that are written before `FLUSH_MS` have passed: well below the most that may wait. */
const FLUSH_AT = 2_500;
/** When no more of the waiting records than these are wanted, nothing is written yet. */
const FEW_WANTED = FLUSH_AT / 2;
const FLUSH_TEXT_AT = 4 * 1024 * 1024;
/** Records, and characters in them, written in one slice, some 2 ms of this thread: calls are served between two slices. */
const SLICE = 200;
const SLICE_TEXT = 512 * 1024;
/** The most records, and characters in them, that wait: beyond these bounds the oldest records are given up. */
const MAX_WAITING = 5_000;
const MAX_WAITING_TEXT = 32 * 1024 * 1024;
/** Pause after a failure. */
const RETRY_MS = 5_000;

export interface RecordWriterOptions {
  store: CallStore;
  /** Live counters of a function, changed in place; undefined once the function is gone. */
  counters: (id: FunctionId) => FunctionCounters | undefined;
  keepPerFunction: number;
  logger: Logger;
}

interface Entry {
  record: CallRecord;
  /** Characters that the record holds. */
  text: number;
  /** Whether the record waits to be written. */
  waits: boolean;
  /** Whether the record was given up for room. */
  givenUp: boolean;
  /** Whether the record has changed since it was last given to the store. */
  changed: boolean;
}

export class RecordWriter {
  readonly #options: RecordWriterOptions;
  /** Records not written yet, by id of the call, oldest first. */
  readonly #pending = new Map<string, Entry>();
  /** The same records by function, oldest first. */
  readonly #byFunction = new Map<FunctionId, Entry[]>();
  /** Records written, but changed since then; by id of the call. */
  readonly #amended = new Map<string, Entry>();
  /** Characters in all records of `#pending` and `#amended`. */
  #text = 0;
  /** Functions whose counters have changed. */
  readonly #dirty = new Set<FunctionId>();
  #timer: NodeJS.Timeout | null = null;
  /** The pass under way: there is never more than one, so the store gets the records in their order. */
  #pass: Promise<void> | null = null;
  /** Number of callers that wait for `flush`: meanwhile a pass takes no breaks. */
  #flushes = 0;
  /** Ends the break of the pass under way. */
  #hurry: (() => void) | null = null;
  #failing = false;
  #dropped = 0;

  constructor(options: RecordWriterOptions) {
    this.#options = options;
  }

  /** Takes a new record; the counters of its function have changed, too. */
  add(record: CallRecord): void {
    const { id, functionId } = record;
    this.#dirty.add(functionId);
    // A call may get the id of a call of a deleted function, whose record nobody wants any more.
    const earlier = this.#pending.get(id);
    if (earlier !== undefined) this.#remove(earlier);
    const entry = { record, text: textOf(record), waits: true, givenUp: false, changed: false };
    this.#pending.set(id, entry);
    const ofFunction = this.#byFunction.get(functionId);
    if (ofFunction === undefined) this.#byFunction.set(functionId, [entry]);
    else ofFunction.push(entry);
    this.#grown(entry.text);
  }

  /** Takes a record again whose output has changed in place since it was added. */
  amend(record: CallRecord): void {
    let entry = this.#pending.get(record.id) ?? this.#amended.get(record.id);
    if (entry === undefined) {
      entry = { record, text: 0, waits: false, givenUp: false, changed: true };
      this.#amended.set(record.id, entry);
    }
    const before = entry.text;
    entry.text = textOf(record);
    entry.changed = true;
    this.#grown(entry.text - before);
  }

  /** Records not written yet, oldest first. @param id id of a function, to get its records only */
  pending(id?: FunctionId): CallRecord[] {
    const entries = id === undefined ? [...this.#pending.values()] : (this.#byFunction.get(id) ?? []);
    return entries.filter(({ record, waits }) => waits && this.#lives(record)).map(({ record }) => record);
  }

  /** The record of this call, unless the store already has it in its present form. */
  find(callId: string): CallRecord | undefined {
    const entry = this.#pending.get(callId) ?? this.#amended.get(callId);
    return entry && this.#lives(entry.record) ? entry.record : undefined;
  }

  /** Number of records given up because the disk did not take them. */
  get dropped(): number {
    return this.#dropped;
  }

  /** Tries to write all waiting records, and resolves then. If the medium fails, the records stay, and are tried again later. */
  async flush(): Promise<void> {
    this.#flushes += 1;
    this.#hurry?.();
    try {
      // The pass under way may have begun before the newest records came. Several callers share the pass that follows.
      const before = this.#pass;
      if (before !== null) await before;
      await this.#begin();
    } finally {
      this.#flushes -= 1;
    }
  }

  /** Writes all waiting records for the last time. */
  async close(): Promise<void> {
    await this.flush();
    if (this.#timer) clearTimeout(this.#timer);
    this.#timer = null;
  }

  #lives({ functionId }: CallRecord): boolean {
    return this.#options.counters(functionId) !== undefined;
  }

  /** The waiting records have so many characters more. */
  #grown(text: number): void {
    this.#text += text;
    while (this.#pending.size > MAX_WAITING || this.#text > MAX_WAITING_TEXT) this.#giveUpOldest();
    // The end of the pass under way schedules the next one. The pass must find the records that it is writing.
    if (this.#pass !== null) return;
    if (!this.#failing && this.#isMuchLeft()) void this.#begin();
    else this.#schedule();
  }

  /**
   * Whether so much waits that it should be written before it is time. When many records wait, those are given up first that the
   * store would drop at once: a function that is called ten thousand times a second fills its share of the store several times
   * before `FLUSH_MS` have passed, and writing each time cost 4 % of this thread's time.
   */
  #isMuchLeft(): boolean {
    if (this.#text >= FLUSH_TEXT_AT) return true;
    if (this.#pending.size < FLUSH_AT) return false;
    this.#dropUnwanted();
    return this.#pending.size > FEW_WANTED;
  }

  /** Begins a pass, or joins the one under way. Resolves when the pass has tried its records. Never rejects. */
  #begin(): Promise<void> {
    this.#pass ??= this.#writeAll().finally(() => {
      this.#pass = null;
      if (this.#pending.size + this.#amended.size + this.#dirty.size > 0) this.#schedule();
    });
    return this.#pass;
  }

  async #writeAll(): Promise<void> {
    if (this.#timer) clearTimeout(this.#timer);
    this.#timer = null;
    await this.#break(); // this pass may have been begun in the midst of a call
    // Records that come from now on are the next pass's: under load this pass would never end.
    this.#dropUnwanted();
    const batch = [...this.#pending.values()];
    const amended = [...this.#amended.values()];
    while (batch.length + amended.length + this.#dirty.size > 0) {
      if (!(await this.#writeSlice(batch, amended))) return;
      if (batch.length + amended.length === 0) return;
      await this.#break();
    }
  }

  /** Lets calls be served, unless a caller waits for `flush`. */
  #break(): Promise<void> {
    if (this.#flushes > 0) return Promise.resolve();
    return new Promise((resolve) => {
      const turn = setImmediate(resolve);
      this.#hurry = () => {
        clearImmediate(turn);
        resolve();
      };
    });
  }

  /**
   * Drops the records that the store would drop at once, because newer records of the function fill its share, and those of
   * deleted functions.
   */
  #dropUnwanted(): void {
    const { counters, keepPerFunction } = this.#options;
    for (const [functionId, entries] of this.#byFunction) {
      const kept = counters(functionId) === undefined ? 0 : keepPerFunction;
      for (const entry of entries.splice(0, Math.max(0, entries.length - kept))) this.#forget(entry);
      if (entries.length === 0) this.#byFunction.delete(functionId);
    }
  }

  /** Writes a slice of the batch, then of the amended records, and the counters, and takes them off. False when the medium failed. */
  async #writeSlice(batch: Entry[], amended: Entry[]): Promise<boolean> {
    const { store, keepPerFunction, logger } = this.#options;
    const room = this.#flushes > 0 ? { count: Infinity, text: Infinity } : { count: SLICE, text: SLICE_TEXT };
    const added = take(batch, room, ({ waits }) => waits);
    const changed = batch.length > 0 ? [] : take(amended, room, (entry) => this.#isAmended(entry));
    const dirty = [...this.#dirty];
    this.#dirty.clear();
    try {
      // A function may have been deleted since the batch was put together.
      const records = added.map(({ record }) => record).filter((record) => this.#lives(record));
      const counters = new Map<FunctionId, FunctionCounters>();
      for (const id of dirty) {
        const live = this.#options.counters(id);
        if (live) counters.set(id, { ...live });
      }
      if (records.length > 0 || counters.size > 0) await store.append(records, counters, keepPerFunction);
      this.#written(added);
      const output = changed.map(({ record }) => record).filter((record) => this.#lives(record));
      if (output.length > 0) await store.amend(output);
      for (const entry of changed) if (!entry.changed && this.#isAmended(entry)) this.#forgetAmended(entry);
      this.#failing = false;
    } catch (error) {
      for (const id of dirty) this.#dirty.add(id);
      this.#failing = true;
      logger.error(
        { err: error, records: added.length },
        'records of calls could not be written; they will be tried again',
      );
    }
    return !this.#failing;
  }

  /** The store has these records as they were when the writing began. */
  #written(entries: readonly Entry[]): void {
    for (const entry of entries) {
      if (entry.givenUp) this.#dropped -= 1; // while it was being written
      if (!entry.waits) continue;
      this.#forget(entry);
      if (entry.changed) {
        this.#amended.set(entry.record.id, entry);
        this.#text += entry.text;
      }
    }
    for (const functionId of new Set(entries.map(({ record }) => record.functionId)))
      this.#cleanUp(functionId);
  }

  #giveUpOldest(): void {
    this.#dropped += 1;
    const [oldest] = this.#pending.values();
    if (oldest === undefined) {
      const [amended] = this.#amended.values();
      this.#forgetAmended(amended!);
      return;
    }
    oldest.givenUp = true;
    this.#forget(oldest);
    this.#byFunction.get(oldest.record.functionId)!.shift();
  }

  /** Takes a waiting record off, wherever it stands. */
  #remove(entry: Entry): void {
    this.#forget(entry);
    this.#cleanUp(entry.record.functionId);
  }

  /** Takes the records of a function that do not wait any more out of `#byFunction`. */
  #cleanUp(functionId: FunctionId): void {
    const left = this.#byFunction.get(functionId)?.filter(({ waits }) => waits) ?? [];
    if (left.length > 0) this.#byFunction.set(functionId, left);
    else this.#byFunction.delete(functionId);
  }

  /** Takes off a waiting record, which the caller takes out of `#byFunction`. */
  #forget(entry: Entry): void {
    entry.waits = false;
    this.#pending.delete(entry.record.id);
    this.#text -= entry.text;
  }

  /** Whether a record that the store has in an earlier form waits to be amended there. It may have been given up for room. */
  #isAmended(entry: Entry): boolean {
    return this.#amended.get(entry.record.id) === entry;
  }

  #forgetAmended({ record, text }: Entry): void {
    this.#amended.delete(record.id);
    this.#text -= text;
  }

  #schedule(): void {
    this.#timer ??= setTimeout(() => void this.#begin(), this.#failing ? RETRY_MS : FLUSH_MS);
  }
}

function textOf({ stdout, stderr, error }: CallRecord): number {
  const told = error === null ? 0 : error.message.length + (error.stack?.length ?? 0);
  return stdout.length + stderr.length + told;
}

/**
 * Takes as many entries off the front as have room together, at least one, and returns them. Entries that are not wanted any
 * more are passed over. @param room records and characters; reduced by those taken
 */
function take(
  from: Entry[],
  room: { count: number; text: number },
  isWanted: (entry: Entry) => boolean,
): Entry[] {
  const taken: Entry[] = [];
  while (from.length > 0 && room.count > 0) {
    const entry = from[0]!;
    if (isWanted(entry)) {
      if (entry.text > room.text && taken.length > 0) break;
      room.text -= entry.text;
      room.count -= 1;
      entry.changed = false;
      taken.push(entry);
    }
    from.shift();
  }
  return taken;
}
