/** Owns the routes in `glambdar.db`. Methods throw SQLite's own errors; `SqliteRouteStore` turns them into `StoreError`. */
import type { FunctionId } from '../../../model/function/id.js';
import type { RoutePut, RouteRecord } from '../../route-store.js';
import type { Database } from '../binding.js';
import { transaction } from '../transaction.js';

interface RouteRow {
  id: string;
  namespace: string;
  path: string;
  function_id: string;
  created_at: number;
}

export class RouteTable {
  readonly #db: Database;
  readonly #statements;

  /** @param db with the newest schema */
  constructor(db: Database) {
    this.#db = db;
    this.#statements = {
      list: db.prepare('SELECT * FROM routes ORDER BY created_at, id'),
      get: db.prepare('SELECT * FROM routes WHERE id = ?'),
      find: db.prepare('SELECT * FROM routes WHERE namespace = ? AND path = ?'),
      hasFunction: db.prepare('SELECT 1 FROM functions WHERE id = ?'),
      put: db.prepare(`
        INSERT INTO routes (id, namespace, path, function_id, created_at) VALUES (?, ?, ?, ?, ?)
        ON CONFLICT (id) DO UPDATE SET path = excluded.path, function_id = excluded.function_id`),
      remove: db.prepare('DELETE FROM routes WHERE id = ?'),
    };
  }

  list(): RouteRecord[] {
    return this.#statements.list.all().map((row) => toRoute(row as RouteRow));
  }

  get(id: string): RouteRecord | undefined {
    return optional(this.#statements.get.get(id));
  }

  find(namespace: string, path: string): RouteRecord | undefined {
    return optional(this.#statements.find.get(namespace, path));
  }

  put({ id, namespace, path, functionId, createdAt }: RouteRecord): RoutePut {
    return transaction(this.#db, () => {
      const namesake = this.find(namespace, path);
      if (namesake !== undefined && namesake.id !== id) return 'path-taken';
      if (this.#statements.hasFunction.get(functionId) === undefined) return 'no-function';
      this.#statements.put.run(id, namespace, path, functionId, createdAt);
      return 'stored';
    });
  }

  /** False when there was no such route. */
  remove(id: string): boolean {
    return transaction(this.#db, () => this.#statements.remove.run(id).changes > 0);
  }
}

function optional(row: unknown): RouteRecord | undefined {
  return row === undefined ? undefined : toRoute(row as RouteRow);
}

function toRoute({ id, namespace, path, function_id, created_at }: RouteRow): RouteRecord {
  return { id, namespace, path, functionId: function_id as FunctionId, createdAt: created_at };
}
