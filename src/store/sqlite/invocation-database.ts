/**
 * Owns `invocations.db`: records of calls and counters. A commit survives our crash; power loss may take the last moments.
 *
 * Bound: per function the newest `keepPerFunction` records without their texts (some 300 bytes, at most 4.5 KiB with a
 * long error message), and over all functions the newest `TEXT_LIMIT_BYTES` of texts (stdout, stderr, long messages,
 * stacks). A record that outlives its texts says so. Freed pages are used again, so the file stays near that size.
 */
import { invocationMigrations, migrate, refuseNewer } from './migrations.js';
import { bytesOf, SHORT_MESSAGE, toRecord, type CalleeRow, type InvocationRow } from './invocation-row.js';
import { InvocationTexts } from './invocation-texts.js';
import type { FunctionCounters, InvocationRecord } from '../../model/records.js';
import { emptyLog, openDatabase, transaction, type Database } from './sqlite.js';

/** Texts kept over all functions. */
export const TEXT_LIMIT_BYTES = 64 * 1024 * 1024;

const selectInvocation = `
  SELECT i.*, c.name, c.created_at, t.stdout, t.stderr, t.error_message AS long_message, t.error_stack
  FROM invocations i JOIN callees c USING (callee) LEFT JOIN texts t USING (seq)`;

/** A function during one life: a later one of the same name was created at another time and shares nothing. */
export interface Callee {
  name: string;
  createdAt: number;
}

/** Methods throw SQLite's own errors; `SqliteStore` turns them into `StoreError`. */
export class InvocationDatabase {
  readonly #db: Database;
  readonly #statements;
  readonly #texts: InvocationTexts;
  #keepPerFunction: number | undefined;

  private constructor(db: Database, textLimitBytes: number) {
    this.#db = db;
    this.#texts = new InvocationTexts(db, textLimitBytes);
    this.#statements = {
      callees: db.prepare('SELECT * FROM callees'),
      callee: db.prepare('SELECT * FROM callees WHERE name = ? AND created_at = ?'),
      addCallee: db.prepare('INSERT INTO callees (name, created_at) VALUES (?, ?) ON CONFLICT DO NOTHING'),
      setLast: db.prepare('UPDATE callees SET last_n = ? WHERE callee = ?'),
      setCounters: db.prepare(`
        INSERT INTO callees (name, created_at, invoke_count, error_count, last_invoked_at) VALUES (?, ?, ?, ?, ?)
        ON CONFLICT (name, created_at) DO UPDATE SET invoke_count = excluded.invoke_count,
          error_count = excluded.error_count, last_invoked_at = excluded.last_invoked_at`),
      forget: db.prepare('DELETE FROM callees WHERE name = ?'),
      forgetLife: db.prepare('DELETE FROM callees WHERE name = ? AND created_at = ?'),
      add: db.prepare(`
        INSERT INTO invocations (callee, n, id, version, invoked_at, status, outcome, start, duration_ms, queue_ms, start_ms,
          load_ms, run_ms, peak_memory_mb, error_code, error_message, stdout_bytes, stderr_bytes)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING`),
      setOutput: db.prepare(
        'UPDATE invocations SET stdout_bytes = ?, stderr_bytes = ? WHERE id = ? RETURNING seq',
      ),
      prune: db.prepare('DELETE FROM invocations WHERE callee = ? AND n <= ?'),
      list: db.prepare(
        `${selectInvocation} WHERE c.name = ? AND c.created_at = ? AND i.n < ? ORDER BY i.n DESC LIMIT ?`,
      ),
      get: db.prepare(`${selectInvocation} WHERE i.id = ?`),
      touch: db.prepare('UPDATE usage SET checked_at = ?'),
    };
  }

  /** Opens the database, creating it when it is not there. Throws `StartupError` when a newer release wrote it. */
  static open(file: string, textLimitBytes = TEXT_LIMIT_BYTES): InvocationDatabase {
    const db = openDatabase(file, 'NORMAL', 16 * 1024 * 1024);
    try {
      refuseNewer(db, invocationMigrations, file);
      migrate(db, invocationMigrations);
      return new InvocationDatabase(db, textLimitBytes);
    } catch (error) {
      db.close();
      throw error;
    }
  }

  /** Counters by callee, for those that have any. */
  counters(): { callee: Callee; counters: FunctionCounters }[] {
    return this.#callees().flatMap((row) => {
      const { name, created_at: createdAt, invoke_count: invokeCount, error_count: errorCount } = row;
      if (invokeCount === null || errorCount === null) return [];
      const counters = { invokeCount, errorCount, lastInvokedAt: row.last_invoked_at };
      return [{ callee: { name, createdAt }, counters }];
    });
  }

  /** Appends in the given order. A record whose id is known already is left out: the first one stands. */
  append(
    records: readonly { callee: Callee; record: InvocationRecord }[],
    counters: readonly { callee: Callee; counters: FunctionCounters }[],
    keepPerFunction: number,
  ): void {
    const textFrom = this.#texts.firstWithinLimit(records.map(({ record }) => record));
    transaction(this.#db, () => {
      const touched = new Map<string, { callee: number; last: number }>(); // name → number of its newest record
      for (const [index, { callee, record }] of records.entries()) {
        let life = touched.get(callee.name);
        if (life === undefined) {
          const { callee: key, last_n: last } = this.#callee(callee);
          life = { callee: key, last };
          touched.set(callee.name, life);
        }
        if (this.#add(record, life.callee, life.last + 1, index >= textFrom)) life.last++;
      }
      for (const { callee, last } of touched.values()) this.#statements.setLast.run(last, callee);
      for (const { callee, counters: counts } of counters) {
        const { name, createdAt } = callee;
        const { invokeCount, errorCount, lastInvokedAt } = counts;
        this.#statements.setCounters.run(name, createdAt, invokeCount, errorCount, lastInvokedAt);
      }
      this.#prune(touched.values(), keepPerFunction);
      this.#texts.prune();
    });
    this.#keepPerFunction = keepPerFunction;
  }

  /** See `Store.amendInvocations`. */
  amend(records: readonly InvocationRecord[]): void {
    const textFrom = this.#texts.firstWithinLimit(records);
    transaction(this.#db, () => {
      for (const [index, record] of records.entries()) {
        const [stdout, stderr] = [record.stdout, record.stderr].map((text) => Buffer.byteLength(text));
        const row = this.#statements.setOutput.get(stdout!, stderr!, record.id) as
          { seq: number } | undefined;
        if (row === undefined) continue;
        if (index >= textFrom) this.#texts.replace(row.seq, record);
        // Its bytes are those of texts there is no room for; older ones would not be what they count.
        else this.#texts.drop(row.seq);
      }
      this.#texts.prune();
    });
  }

  /** Newest first. @param before id of a record of the same callee; unknown → none */
  list({ name, createdAt }: Callee, limit: number, before: string | undefined): InvocationRecord[] {
    let below = Number.MAX_SAFE_INTEGER;
    if (before !== undefined) {
      const row = this.#statements.get.get(before) as InvocationRow | undefined;
      if (row?.name !== name || row.created_at !== createdAt) return [];
      below = row.n;
    }
    return this.#statements.list
      .all(name, createdAt, below, limit)
      .map((row) => toRecord(row as InvocationRow));
  }

  /** The record and whose it is. */
  get(id: string): { callee: Callee; record: InvocationRecord } | undefined {
    const row = this.#statements.get.get(id) as InvocationRow | undefined;
    if (row === undefined) return undefined;
    return { callee: { name: row.name, createdAt: row.created_at }, record: toRecord(row) };
  }

  /** Forgets every life of a name: records, texts and counters. */
  forget(name: string): void {
    this.#statements.forget.run(name);
  }

  /** Forgets whatever belongs to none of the given functions: what a crash in the middle of a removal left. */
  forgetOthers(alive: readonly Callee[]): void {
    const known = new Map(alive.map(({ name, createdAt }) => [name, createdAt]));
    transaction(this.#db, () => {
      for (const row of this.#callees()) {
        if (known.get(row.name) !== row.created_at) this.#statements.forgetLife.run(row.name, row.created_at);
      }
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

  #callee({ name, createdAt }: Callee): CalleeRow {
    const found = this.#statements.callee.get(name, createdAt) as CalleeRow | undefined;
    if (found !== undefined) return found;
    this.#statements.addCallee.run(name, createdAt);
    return this.#statements.callee.get(name, createdAt) as CalleeRow;
  }

  #add(record: InvocationRecord, callee: number, n: number, withTexts: boolean): boolean {
    const { error } = record;
    const { changes, lastInsertRowid } = this.#statements.add.run(
      ...[
        callee,
        n,
        record.id,
        record.version,
        Math.round(record.invokedAt),
        record.status,
        record.outcome,
        record.start,
      ],
      ...[record.durationMs, record.queueMs, record.startMs, record.loadMs, record.runMs].map(finite),
      record.peakMemoryMb === null ? null : finite(record.peakMemoryMb),
      error?.code ?? null,
      error === null ? null : bytesOf(error.message.slice(0, SHORT_MESSAGE)),
      Buffer.byteLength(record.stdout),
      Buffer.byteLength(record.stderr),
    );
    if (changes === 0) return false;
    if (withTexts) this.#texts.put(lastInsertRowid, record);
    return true;
  }

  #prune(touched: Iterable<{ callee: number; last: number }>, keep: number): void {
    // After a start or a change of the setting functions without a new call may hold too many as well.
    const all =
      keep === this.#keepPerFunction
        ? touched
        : this.#callees().map(({ callee, last_n: last }) => ({ callee, last }));
    for (const { callee, last } of all) this.#statements.prune.run(callee, last - keep);
  }
}

/** NaN becomes NULL in SQLite and would refuse the whole batch. */
function finite(value: number): number {
  return Number.isFinite(value) ? value : 0;
}
