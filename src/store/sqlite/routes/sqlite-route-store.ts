/** Owns the store of routes on SQLite: a table beside the functions, so that the routes of a function go with it at once. */
import type { RoutePut, RouteRecord, RouteStore } from '../../route-store.js';
import type { RouteTable } from './route-table.js';

/** Runs work on the table, and turns SQLite's errors into `StoreError`. */
export type OnRoutes = <T>(work: (routes: RouteTable) => T) => T;

export class SqliteRouteStore implements RouteStore {
  readonly #on: OnRoutes;

  constructor(on: OnRoutes) {
    this.#on = on;
  }

  async list(): Promise<RouteRecord[]> {
    return this.#on((routes) => routes.list());
  }

  async get(id: string): Promise<RouteRecord | undefined> {
    return this.#on((routes) => routes.get(id));
  }

  async find(namespace: string, path: string): Promise<RouteRecord | undefined> {
    return this.#on((routes) => routes.find(namespace, path));
  }

  async put(route: RouteRecord): Promise<RoutePut> {
    return this.#on((routes) => routes.put(route));
  }

  async remove(id: string): Promise<boolean> {
    return this.#on((routes) => routes.remove(id));
  }
}
