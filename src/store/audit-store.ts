/** Owns the interface to the stored audit log. The contract suite in `tests/unit/store/audit-store-contract.ts` tests every implementation. */
import type { AuditEntry, AuditRecord } from '../model/account/audit-record.js';

/** Every method rejects with `StoreError` when the medium fails, and after the store was closed. */
export interface AuditStore {
  /** *Durable*: resolves only after the line would survive power loss. Forgets the oldest lines beyond `keep`. */
  append(entry: AuditEntry & { at: number }, keep: number): Promise<void>;
  /** Lines, newest first. @param query `before`: only lines with smaller ids */
  list(query: { limit: number; before?: number }): Promise<AuditRecord[]>;
}
