/** Owns a store of routes in memory for unit tests of what uses one; it passes the contract suite of `RouteStore`. */
import type { FunctionId } from '../../src/model/function/id.js';
import type { RoutePut, RouteRecord, RouteStore } from '../../src/store/route-store.js';

export class MemoryRouteStore implements RouteStore {
  readonly #hasFunction: (id: FunctionId) => boolean;
  readonly #routes = new Map<string, RouteRecord>();

  /** @param hasFunction whether a function is deployed; the routes of one that is not are gone */
  constructor(hasFunction: (id: FunctionId) => boolean) {
    this.#hasFunction = hasFunction;
  }

  async list(): Promise<RouteRecord[]> {
    return structuredClone(
      [...this.#routes.values()].filter(({ functionId }) => this.#hasFunction(functionId)),
    ).sort((a, b) => a.createdAt - b.createdAt);
  }

  async get(id: string): Promise<RouteRecord | undefined> {
    return (await this.list()).find((route) => route.id === id);
  }

  async find(namespace: string, path: string): Promise<RouteRecord | undefined> {
    return (await this.list()).find((route) => route.namespace === namespace && route.path === path);
  }

  async put(route: RouteRecord): Promise<RoutePut> {
    const namesake = await this.find(route.namespace, route.path);
    if (namesake !== undefined && namesake.id !== route.id) return 'path-taken';
    if (!this.#hasFunction(route.functionId)) return 'no-function';
    const createdAt = this.#routes.get(route.id)?.createdAt ?? route.createdAt;
    this.#routes.set(route.id, { ...structuredClone(route), createdAt });
    return 'stored';
  }

  async remove(id: string): Promise<boolean> {
    return this.#routes.delete(id);
  }
}
