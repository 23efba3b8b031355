/**
 * Owns which role a route needs. Every route says so: `createApp` refuses a route that does not, and the list of all routes
 * with their roles is read from the routers themselves.
 */
import type { Middleware } from 'koa';
import type { Role } from '../../model/principal.js';
import type { Family } from '../families/family.js';
import { assertRole } from '../requests/principal.js';

/** The least role that may use a route. `open`: everybody, also without a token. */
export type Need = Role | 'open';

const NEED = Symbol('need');

/**
 * The first handler of a router's route: lets requests pass whose sender has the role. A route that needs `invoker` calls a
 * function, and calls `assertMayCall` as soon as it knows which.
 */
export function needs(need: Need): Middleware {
  return needing(need, (ctx, next) => {
    if (need !== 'open') assertRole(ctx, need);
    return next();
  });
}

/** Marks a middleware of `Family.calls`, which checks the role itself once it knows that the request is for it. */
export function needing(need: Need, middleware: Middleware): Middleware {
  return Object.assign(middleware, { [NEED]: need });
}

/** A route, and the least role that may use it. */
export interface RouteNeed {
  /** Null for a route of `Family.calls`, which answers several methods. */
  method: string | null;
  /** The router's pattern, or what the family says that its calls answer. */
  path: string;
  need: Need;
}

/** Every route of some families, `HEAD` left out where it is a GET without a body. Throws for a route without a need. */
export function routeNeeds(
  families: readonly Pick<Family, 'calls' | 'callRoutes' | 'routers'>[],
): RouteNeed[] {
  return families.flatMap(({ calls, callRoutes = [], routers }) => [
    ...calls.map((call, index) => {
      const path = callRoutes[index] ?? `call ${index}`;
      return { method: null, path, need: needOf(call, path) };
    }),
    ...routers.flatMap(({ stack: layers }) =>
      layers.flatMap(({ methods, path, stack: handlers }) =>
        methods
          .filter((method) => method !== 'HEAD')
          .map((method) => ({
            method,
            path: String(path),
            need: needOf(handlers[0], `${method} ${String(path)}`),
          })),
      ),
    ),
  ]);
}

function needOf(handler: unknown, route: string): Need {
  const need = (handler as { [NEED]?: Need } | undefined)?.[NEED];
  if (need === undefined)
    throw new Error(
      `The route ${route} does not say which role it needs: give it needs(…) as its first handler.`,
    );
  return need;
}
