/** Owns an audit log in memory for unit tests of what uses one; it passes the contract suite of `AuditStore`. */
import type { AuditEntry, AuditRecord } from '../../src/model/account/audit-record.js';
import type { AuditStore } from '../../src/store/audit-store.js';

export class MemoryAuditStore implements AuditStore {
  records: AuditRecord[] = [];
  #lastId = 0;

  async append(entry: AuditEntry & { at: number }, keep: number): Promise<void> {
    this.#lastId += 1;
    this.records = [{ ...structuredClone(entry), id: this.#lastId }, ...this.records].slice(0, keep);
  }

  async list({ limit, before = Infinity }: { limit: number; before?: number }): Promise<AuditRecord[]> {
    return structuredClone(this.records.filter(({ id }) => id < before).slice(0, limit));
  }
}
