/** Owns the store of the audit log on SQLite: a table in `glambdar.db`. */
import type { AuditEntry, AuditRecord } from '../../../model/account/audit-record.js';
import type { AuditStore } from '../../audit-store.js';
import type { AuditTable } from './audit-table.js';

/** Runs work on the table, and turns SQLite's errors into `StoreError`. */
export type OnAudit = <T>(work: (audit: AuditTable) => T) => T;

export class SqliteAuditStore implements AuditStore {
  readonly #on: OnAudit;

  constructor(on: OnAudit) {
    this.#on = on;
  }

  async append(entry: AuditEntry & { at: number }, keep: number): Promise<void> {
    this.#on((audit) => audit.append(entry, keep));
  }

  async list(query: { limit: number; before?: number }): Promise<AuditRecord[]> {
    return this.#on((audit) => audit.list(query));
  }
}
