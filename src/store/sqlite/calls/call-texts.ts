/**
 * Owns the long parts of records of calls (stdout, stderr, long messages, stacks), bounded over all functions: beyond the
 * bound the oldest texts are dropped. Methods throw SQLite's own errors.
 */
import { bytesOf, SHORT_MESSAGE, textBytesOf } from './call-row.js';
import type { CallRecord } from '../../../model/call/call.js';
import type { Database } from '../binding.js';

/** The table `texts`, and the sum of its bytes in `usage`. A row has the `seq` of its record, which grows from record to record. */
export class CallTexts {
  readonly #statements;
  readonly #limitBytes: number;

  constructor(db: Database, limitBytes: number) {
    this.#limitBytes = limitBytes;
    this.#statements = {
      put: db.prepare('INSERT INTO texts VALUES (?, ?, ?, ?, ?, ?)'),
      sum: db.prepare('SELECT text_bytes FROM usage'),
      oldest: db.prepare('SELECT seq, bytes FROM texts ORDER BY seq LIMIT 100'),
      dropThrough: db.prepare('DELETE FROM texts WHERE seq <= ?'),
      drop: db.prepare('DELETE FROM texts WHERE seq = ?'),
    };
  }

  /** Replaces the texts of a record, or adds them if it had none. */
  replace(seq: number | bigint, record: CallRecord): void {
    this.drop(seq);
    this.put(seq, record);
  }

  /** Drops the texts of one record, if it has any. */
  drop(seq: number | bigint): void {
    this.#statements.drop.run(seq);
  }

  /** Adds the texts of a new record. */
  put(seq: number | bigint, { stdout, stderr, error }: CallRecord): void {
    const texts = [
      bytesOf(stdout),
      bytesOf(stderr),
      error !== null && error.message.length > SHORT_MESSAGE ? bytesOf(error.message) : null,
      error?.stack === undefined ? null : bytesOf(error.stack),
    ];
    const bytes = texts.reduce((sum, text) => sum + (text?.length ?? 0), 0);
    if (bytes > 0) this.#statements.put.run(seq, bytes, ...texts);
  }

  /** Index of the first record from which on all texts fit the limit: the texts of earlier records would be dropped right after. */
  firstWithinLimit(records: readonly CallRecord[]): number {
    let bytes = 0;
    for (let index = records.length - 1; index >= 0; index--) {
      bytes += textBytesOf(records[index]!);
      if (bytes > this.#limitBytes) return index + 1;
    }
    return 0;
  }

  /** Drops the oldest texts beyond the limit. */
  prune(): void {
    const { text_bytes: kept } = this.#statements.sum.get() as { text_bytes: number };
    let over = kept - this.#limitBytes;
    while (over > 0) {
      const oldest = this.#statements.oldest.all() as { seq: number; bytes: number }[];
      let last = 0;
      for (const { seq, bytes } of oldest) {
        if (over <= 0) break;
        over -= bytes;
        last = seq;
      }
      if (oldest.length === 0) return;
      this.#statements.dropThrough.run(last);
    }
  }
}
