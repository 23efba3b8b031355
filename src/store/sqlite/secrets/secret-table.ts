/** Owns the secrets in `glambdar.db`. Methods throw SQLite's own errors; `SqliteSecretStore` turns them into `StoreError`. */
import type { FunctionId } from '../../../model/function/id.js';
import type { SealedSecret } from '../../secret-store.js';
import type { Database } from '../binding.js';
import { transaction } from '../transaction.js';

interface SecretRow {
  function_id: string;
  name: string;
  sealed: Uint8Array;
  created_at: number;
  updated_at: number;
}

export class SecretTable {
  readonly #db: Database;
  readonly #statements;

  /** @param db with the newest schema */
  constructor(db: Database) {
    this.#db = db;
    this.#statements = {
      list: db.prepare('SELECT * FROM secrets ORDER BY function_id, name'),
      get: db.prepare('SELECT * FROM secrets WHERE function_id = ? AND name = ?'),
      hasFunction: db.prepare('SELECT 1 FROM functions WHERE id = ?'),
      put: db.prepare(`
        INSERT INTO secrets (function_id, name, sealed, created_at, updated_at) VALUES (?, ?, ?, ?, ?)
        ON CONFLICT (function_id, name) DO UPDATE SET sealed = excluded.sealed, updated_at = excluded.updated_at`),
      remove: db.prepare('DELETE FROM secrets WHERE function_id = ? AND name = ?'),
    };
  }

  list(): SealedSecret[] {
    return this.#statements.list.all().map((row) => toSecret(row as SecretRow));
  }

  /** Undefined when there is no such function. */
  put(functionId: FunctionId, name: string, sealed: Uint8Array, at: number): SealedSecret | undefined {
    return transaction(this.#db, () => {
      if (this.#statements.hasFunction.get(functionId) === undefined) return undefined;
      this.#statements.put.run(functionId, name, sealed, at, at);
      return toSecret(this.#statements.get.get(functionId, name) as SecretRow);
    });
  }

  /** False when there was no such secret. */
  remove(functionId: FunctionId, name: string): boolean {
    return transaction(this.#db, () => this.#statements.remove.run(functionId, name).changes > 0);
  }
}

function toSecret({ function_id, name, sealed, created_at, updated_at }: SecretRow): SealedSecret {
  return {
    functionId: function_id as FunctionId,
    name,
    sealed: Uint8Array.from(sealed),
    createdAt: created_at,
    updatedAt: updated_at,
  };
}
