/** Owns the interface to the quotas that an admin gave to single namespaces. */
import type { QuotaPatch } from '../model/account/quota.js';

/** Every method rejects with `StoreError` when the medium fails, and after the store was closed. */
export interface QuotaStore {
  /** By namespace. */
  list(): Promise<Map<string, QuotaPatch>>;
  /** *Durable.* Replaces what the namespace had; null removes it. */
  set(namespace: string, quota: QuotaPatch | null): Promise<void>;
}
