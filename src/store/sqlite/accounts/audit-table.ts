/** Owns the audit log in `glambdar.db`. Methods throw SQLite's own errors; `SqliteAuditStore` turns them into `StoreError`. */
import type { AuditEntry, AuditRecord } from '../../../model/account/audit-record.js';
import type { Database } from '../binding.js';
import { transaction } from '../transaction.js';

interface AuditRow {
  id: number;
  at: number;
  entry: string;
}

export class AuditTable {
  readonly #db: Database;
  readonly #statements;

  /** @param db with the newest schema */
  constructor(db: Database) {
    this.#db = db;
    this.#statements = {
      append: db.prepare('INSERT INTO audit (at, entry) VALUES (?, ?)'),
      forget: db.prepare('DELETE FROM audit WHERE id <= ?'),
      list: db.prepare('SELECT * FROM audit WHERE id < ? ORDER BY id DESC LIMIT ?'),
    };
  }

  append({ at, ...entry }: AuditEntry & { at: number }, keep: number): void {
    transaction(this.#db, () => {
      const { lastInsertRowid: id } = this.#statements.append.run(at, JSON.stringify(entry));
      this.#statements.forget.run(Number(id) - keep);
    });
  }

  list({ limit, before = Number.MAX_SAFE_INTEGER }: { limit: number; before?: number }): AuditRecord[] {
    return this.#statements.list.all(before, limit).map((row) => {
      const { id, at, entry } = row as AuditRow;
      return { ...(JSON.parse(entry) as AuditEntry), id, at };
    });
  }
}
