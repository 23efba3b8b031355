/** Owns the store of quotas on SQLite: a table in `glambdar.db`. */
import type { QuotaPatch } from '../../../model/account/quota.js';
import type { QuotaStore } from '../../quota-store.js';
import type { QuotaTable } from './quota-table.js';

/** Runs work on the table, and turns SQLite's errors into `StoreError`. */
export type OnQuotas = <T>(work: (quotas: QuotaTable) => T) => T;

export class SqliteQuotaStore implements QuotaStore {
  readonly #on: OnQuotas;

  constructor(on: OnQuotas) {
    this.#on = on;
  }

  async list(): Promise<Map<string, QuotaPatch>> {
    return this.#on((quotas) => quotas.list());
  }

  async set(namespace: string, quota: QuotaPatch | null): Promise<void> {
    this.#on((quotas) => quotas.set(namespace, quota));
  }
}
