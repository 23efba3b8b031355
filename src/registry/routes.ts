/** Owns the routes: paths under `/r` that lead to functions, and the rules for making and changing them. */
import { randomUUID } from 'node:crypto';
import { namedDiskError } from '../data/disk-error.js';
import { GlambdarError } from '../errors.js';
import type { FunctionRecord } from '../model/function/function.js';
import { isFunctionId, type FunctionId } from '../model/function/id.js';
import type { RouteRecord, RouteStore } from '../store/route-store.js';
import type { Registry } from './registry.js';

/** A route, and the function it leads to. */
export interface Route {
  id: string;
  path: string;
  function: FunctionRecord;
}

export interface RoutesOptions {
  store: RouteStore;
  registry: Pick<Registry, 'byId' | 'find'>;
}

const MAX_PATH = 1024;

export class Routes {
  readonly #options: RoutesOptions;

  constructor(options: RoutesOptions) {
    this.#options = options;
  }

  /** The routes to functions of a namespace, in the order in which they were made. */
  async list(namespace: string): Promise<Route[]> {
    const records = (await this.#options.store.list()).filter((record) => record.namespace === namespace);
    return records.map((record) => this.#route(record)).filter((route) => route !== undefined);
  }

  /** Rejects with NOT_FOUND, also for the route of another namespace. */
  async get(namespace: string, id: string): Promise<Route> {
    const record = await this.#options.store.get(id);
    const route = record?.namespace === namespace ? this.#route(record) : undefined;
    if (route === undefined) throw noRoute();
    return route;
  }

  /** The route of a namespace with exactly this path; undefined when there is none. */
  async find(namespace: string, path: string): Promise<Route | undefined> {
    return this.#route(await this.#options.store.find(namespace, path));
  }

  /**
   * Makes a route. Rejects with INVALID_REQUEST (a path that no request can have, an unknown function), CONFLICT (a route
   * has the path).
   * @param functionId id or name of a function of this namespace
   */
  add(namespace: string, path: unknown, functionId: unknown): Promise<Route> {
    return this.#put({
      id: randomUUID(),
      namespace,
      path: parsePath(path),
      functionId: this.#functionOf(namespace, functionId).id,
      createdAt: Date.now(),
    });
  }

  /** Changes path, function, or both; undefined stays as it was. Rejects like `get` and `add`. */
  async change(namespace: string, id: string, path: unknown, functionId: unknown): Promise<Route> {
    const record = await this.#options.store.get(id);
    if (record?.namespace !== namespace) throw noRoute();
    return this.#put({
      ...record,
      ...(path === undefined ? {} : { path: parsePath(path) }),
      ...(functionId === undefined ? {} : { functionId: this.#functionOf(namespace, functionId).id }),
    });
  }

  /** Resolves to the route as it was. Rejects with NOT_FOUND. */
  async remove(namespace: string, id: string): Promise<Route> {
    const route = await this.get(namespace, id);
    await this.#options.store.remove(id);
    return route;
  }

  /** Rejects with CONFLICT, which names a route, while one leads to the function. */
  async assertUnrouted(id: FunctionId): Promise<void> {
    const route = (await this.#options.store.list()).find(({ functionId }) => functionId === id);
    if (route !== undefined)
      throw new GlambdarError(
        'CONFLICT',
        `The route ${route.path} (${route.id}) leads to this function; delete the route first.`,
      );
  }

  async #put(record: RouteRecord): Promise<Route> {
    const put = await this.#options.store.put(record).catch((error: unknown) => {
      throw namedDiskError(error);
    });
    if (put === 'path-taken')
      throw new GlambdarError(
        'CONFLICT',
        `Another route has the path ${record.path}; delete or change that one.`,
      );
    const route = put === 'stored' ? this.#route(record) : undefined;
    if (route === undefined) throw unknownFunction();
    return route;
  }

  #route(record: RouteRecord | undefined): Route | undefined {
    const found = record && this.#options.registry.byId(record.functionId);
    return found && { id: record.id, path: record.path, function: found };
  }

  #functionOf(namespace: string, id: unknown): FunctionRecord {
    const { registry } = this.#options;
    if (typeof id !== 'string')
      throw new GlambdarError(
        'INVALID_REQUEST',
        'function_id is missing; send the id or the name of a function.',
      );
    const lower = id.toLowerCase();
    const found =
      (isFunctionId(lower) ? registry.byId(lower) : undefined) ?? registry.find({ namespace, name: id });
    if (found?.ref.namespace !== namespace) throw unknownFunction();
    return found;
  }
}

function parsePath(path: unknown): string {
  if (
    typeof path === 'string' &&
    path.startsWith('/') &&
    path.length <= MAX_PATH &&
    !/[?#\p{Cc}\p{Zl}\p{Zp}]/u.test(path)
  )
    return path;
  throw new GlambdarError(
    'INVALID_REQUEST',
    `path must begin with a slash and have at most ${MAX_PATH} characters, none of them ?, # or a control character.`,
  );
}

function noRoute(): GlambdarError {
  return new GlambdarError('NOT_FOUND', 'No route has this id.');
}

function unknownFunction(): GlambdarError {
  return new GlambdarError(
    'INVALID_REQUEST',
    'No function has this function_id; send the id or the name of a function.',
  );
}
