/** Owns the quotas of single namespaces in `glambdar.db`. Methods throw SQLite's own errors; `SqliteQuotaStore` turns them into `StoreError`. */
import type { QuotaPatch } from '../../../model/account/quota.js';
import type { Database } from '../binding.js';

export class QuotaTable {
  readonly #statements;

  /** @param db with the newest schema */
  constructor(db: Database) {
    this.#statements = {
      list: db.prepare('SELECT namespace, quota FROM quotas'),
      set: db.prepare(
        'INSERT INTO quotas (namespace, quota) VALUES (?, ?) ON CONFLICT (namespace) DO UPDATE SET quota = excluded.quota',
      ),
      remove: db.prepare('DELETE FROM quotas WHERE namespace = ?'),
    };
  }

  list(): Map<string, QuotaPatch> {
    return new Map(
      this.#statements.list.all().map((row) => {
        const { namespace, quota } = row as { namespace: string; quota: string };
        return [namespace, JSON.parse(quota) as QuotaPatch];
      }),
    );
  }

  set(namespace: string, quota: QuotaPatch | null): void {
    if (quota === null) this.#statements.remove.run(namespace);
    else this.#statements.set.run(namespace, JSON.stringify(quota));
  }
}
