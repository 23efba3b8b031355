/**
 * Owns `invocations.db`: records of calls and counters. A commit survives our crash; a power loss may undo the last ones.
 *
 * Bound: per function the newest `keepPerFunction` records without their texts (some 350 bytes, at most 5 KiB with a
 * long error message), and over all functions the newest `TEXT_LIMIT_BYTES` of texts (stdout, stderr, long messages,
 * stacks). A record that outlives its texts says so. Freed pages are used again, so the file stays near that size.
 */
import type { CallRecord } from '../../../model/call/call.js';
import type { FunctionCounters } from '../../../model/function/function.js';
import type { FunctionId } from '../../../model/function/id.js';
import type { Database } from '../binding.js';
import { migrate, refuseNewer } from '../migrate.js';
import { emptyLog, openDatabase } from '../open-database.js';
import { transaction } from '../transaction.js';
import { bytesOf, SHORT_MESSAGE, toRecord, type CalleeRow, type CallRow } from './call-row.js';
import { callMigrations } from './call-schema.js';
import { CallTexts } from './call-texts.js';

/** Bytes of texts kept over all functions. */
export const TEXT_LIMIT_BYTES = 64 * 1024 * 1024;

const WAL_LIMIT_BYTES = 16 * 1024 * 1024;

const selectCall = `
  SELECT i.*, c.function_id, t.stdout, t.stderr, t.error_message AS long_message, t.error_stack
  FROM invocations i JOIN callees c USING (callee) LEFT JOIN texts t USING (seq)`;

/** A row of `callees` and the number of its newest record. */
interface Numbered {
  callee: number;
  last: number;
}

/** Methods throw SQLite's own errors; `SqliteCallStore` turns them into `StoreError`. */
export class CallDatabase {
  readonly #db: Database;
  readonly #statements;
  readonly #texts: CallTexts;
  /** Limit of the last `append`: after a start, or a change of it, functions without a new call may have too many records. */
  #keepPerFunction: number | undefined;

  private constructor(db: Database, textLimitBytes: number) {
    this.#db = db;
    this.#texts = new CallTexts(db, textLimitBytes);
    this.#statements = {
      callees: db.prepare('SELECT * FROM callees'),
      callee: db.prepare('SELECT * FROM callees WHERE function_id = ?'),
      addCallee: db.prepare('INSERT INTO callees (function_id) VALUES (?)'),
      setLast: db.prepare('UPDATE callees SET last_n = ? WHERE callee = ?'),
      setCounters: db.prepare(`
        INSERT INTO callees (function_id, invoke_count, error_count, last_invoked_at) VALUES (?, ?, ?, ?)
        ON CONFLICT (function_id) DO UPDATE SET invoke_count = excluded.invoke_count,
          error_count = excluded.error_count, last_invoked_at = excluded.last_invoked_at`),
      forget: db.prepare('DELETE FROM callees WHERE function_id = ?'),
      add: db.prepare(`
        INSERT INTO invocations (callee, n, id, func_name, version, invoked_at, status, outcome, start, duration_ms, queue_ms,
          start_ms, load_ms, run_ms, peak_memory_mb, error_code, error_message, stdout_bytes, stderr_bytes, method, path)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING`),
      setOutput: db.prepare(
        'UPDATE invocations SET stdout_bytes = ?, stderr_bytes = ? WHERE id = ? RETURNING seq',
      ),
      prune: db.prepare('DELETE FROM invocations WHERE callee = ? AND n <= ?'),
      list: db.prepare(`${selectCall} WHERE c.function_id = ? AND i.n < ? ORDER BY i.n DESC LIMIT ?`),
      get: db.prepare(`${selectCall} WHERE i.id = ?`),
      functionOf: db.prepare(
        'SELECT c.function_id FROM invocations i JOIN callees c USING (callee) WHERE i.id = ?',
      ),
      touch: db.prepare('UPDATE usage SET checked_at = ?'),
    };
  }

  /** Opens the database, creating it when it is missing. Throws `StartupError` when a newer release wrote it. */
  static open(file: string, textLimitBytes = TEXT_LIMIT_BYTES): CallDatabase {
    const db = openDatabase(file, 'NORMAL', WAL_LIMIT_BYTES);
    try {
      refuseNewer(db, callMigrations, file);
      migrate(db, callMigrations);
      return new CallDatabase(db, textLimitBytes);
    } catch (error) {
      db.close();
      throw error;
    }
  }

  /** The counters of every function that has any. */
  counters(): Map<FunctionId, FunctionCounters> {
    const counters = new Map<FunctionId, FunctionCounters>();
    for (const row of this.#callees()) {
      const { invoke_count: invokeCount, error_count: errorCount, last_invoked_at: lastInvokedAt } = row;
      if (invokeCount !== null && errorCount !== null)
        counters.set(row.function_id as FunctionId, { invokeCount, errorCount, lastInvokedAt });
    }
    return counters;
  }

  /** Appends records in the given order. A record whose id is known already is left out: the first record stays. */
  append(
    records: readonly CallRecord[],
    counters: ReadonlyMap<FunctionId, FunctionCounters>,
    keepPerFunction: number,
  ): void {
    const textFrom = this.#texts.firstWithinLimit(records);
    transaction(this.#db, () => {
      const touched = new Map<FunctionId, Numbered>();
      for (const [index, record] of records.entries()) {
        let numbered = touched.get(record.functionId);
        if (numbered === undefined) {
          const { callee, last_n: last } = this.#callee(record.functionId);
          numbered = { callee, last };
          touched.set(record.functionId, numbered);
        }
        if (this.#add(record, numbered.callee, numbered.last + 1, index >= textFrom)) numbered.last++;
      }
      for (const { callee, last } of touched.values()) this.#statements.setLast.run(last, callee);
      for (const [id, { invokeCount, errorCount, lastInvokedAt }] of counters)
        this.#statements.setCounters.run(id, invokeCount, errorCount, lastInvokedAt);
      this.#prune(touched.values(), keepPerFunction);
      this.#texts.prune();
    });
    this.#keepPerFunction = keepPerFunction;
  }

  /** See `CallStore.amend`. */
  amend(records: readonly CallRecord[]): void {
    const textFrom = this.#texts.firstWithinLimit(records);
    transaction(this.#db, () => {
      for (const [index, record] of records.entries()) {
        const [stdout, stderr] = [record.stdout, record.stderr].map((text) => Buffer.byteLength(text));
        const row = this.#statements.setOutput.get(stdout!, stderr!, record.id) as
          { seq: number } | undefined;
        if (row === undefined) continue;
        if (index >= textFrom) this.#texts.replace(row.seq, record);
        // There is no room for the new texts, whose byte counts the row now has; the earlier texts must not be shown instead.
        else this.#texts.drop(row.seq);
      }
      this.#texts.prune();
    });
  }

  /** Records, newest first. @param before id of a record of the same function; unknown → no records */
  list(id: FunctionId, limit: number, before: string | undefined): CallRecord[] {
    let below = Number.MAX_SAFE_INTEGER;
    if (before !== undefined) {
      const row = this.#statements.get.get(before) as CallRow | undefined;
      if (row?.function_id !== id) return [];
      below = row.n;
    }
    return this.#statements.list.all(id, below, limit).map((row) => toRecord(row as CallRow));
  }

  get(id: string): CallRecord | undefined {
    const row = this.#statements.get.get(id) as CallRow | undefined;
    return row === undefined ? undefined : toRecord(row);
  }

  functionOf(id: string): FunctionId | undefined {
    const row = this.#statements.functionOf.get(id) as Pick<CallRow, 'function_id'> | undefined;
    return row?.function_id as FunctionId | undefined;
  }

  /** Forgets the records, texts and counters of a function. */
  forget(id: FunctionId): void {
    this.#statements.forget.run(id);
  }

  /** Forgets the records, texts and counters of all functions but the given ones. */
  forgetOthers(alive: readonly FunctionId[]): void {
    const known = new Set<string>(alive);
    transaction(this.#db, () => {
      for (const { function_id: id } of this.#callees()) if (!known.has(id)) this.#statements.forget.run(id);
    });
  }

  /** Writes one small row, to learn whether writing works. Does not wait for the medium. */
  touch(): void {
    this.#statements.touch.run(Date.now());
  }

  close(): void {
    emptyLog(this.#db);
    this.#db.close();
  }

  #callees(): CalleeRow[] {
    return this.#statements.callees.all() as CalleeRow[];
  }

  #callee(id: FunctionId): CalleeRow {
    const found = this.#statements.callee.get(id) as CalleeRow | undefined;
    if (found !== undefined) return found;
    this.#statements.addCallee.run(id);
    return this.#statements.callee.get(id) as CalleeRow;
  }

  #add(record: CallRecord, callee: number, n: number, withTexts: boolean): boolean {
    const { error } = record;
    const { changes, lastInsertRowid } = this.#statements.add.run(
      callee,
      n,
      record.id,
      record.funcName,
      record.version,
      Math.round(record.invokedAt),
      record.status,
      record.outcome,
      record.start,
      ...[record.durationMs, record.queueMs, record.startMs, record.loadMs, record.runMs].map(finite),
      record.peakMemoryMb === null ? null : finite(record.peakMemoryMb),
      error?.code ?? null,
      error === null ? null : bytesOf(error.message.slice(0, SHORT_MESSAGE)),
      Buffer.byteLength(record.stdout),
      Buffer.byteLength(record.stderr),
      record.method,
      record.path,
    );
    if (changes === 0) return false;
    if (withTexts) this.#texts.put(lastInsertRowid, record);
    return true;
  }

  #prune(touched: Iterable<Numbered>, keep: number): void {
    const all =
      keep === this.#keepPerFunction
        ? touched
        : this.#callees().map(({ callee, last_n: last }) => ({ callee, last }));
    for (const { callee, last } of all) this.#statements.prune.run(callee, last - keep);
  }
}

/** The number, or 0: SQLite takes NaN for NULL and would refuse the whole batch. */
function finite(value: number): number {
  return Number.isFinite(value) ? value : 0;
}
