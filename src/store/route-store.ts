/**
 * Owns the interface to the stored routes: paths under `/r` that lead to functions. The contract suite in
 * `tests/unit/store/route-store-contract.ts` tests every implementation.
 */
import type { FunctionId } from '../model/function/id.js';

export interface RouteRecord {
  /** A UUID of version 4. */
  id: string;
  /** The namespace of the function, which never changes. */
  namespace: string;
  /** What follows `/r` in the request's path; begins with a slash. No two routes of a namespace have the same. */
  path: string;
  functionId: FunctionId;
  /** Epoch milliseconds. */
  createdAt: number;
}

/** Whether a route was stored: its path may be another route's, and its function may have been deleted. */
export type RoutePut = 'stored' | 'path-taken' | 'no-function';

/**
 * Every method rejects with `StoreError` when the medium fails. Methods marked *durable* resolve only after the change would
 * survive power loss. The routes of a function are deleted with it.
 */
export interface RouteStore {
  /** All routes, in the order in which they were made. */
  list(): Promise<RouteRecord[]>;
  get(id: string): Promise<RouteRecord | undefined>;
  /** The route of a namespace with exactly this path. */
  find(namespace: string, path: string): Promise<RouteRecord | undefined>;
  /** *Durable.* Adds a route, or replaces path and function of the route with the same id. */
  put(route: RouteRecord): Promise<RoutePut>;
  /** *Durable.* False when there was no such route. */
  remove(id: string): Promise<boolean>;
}
