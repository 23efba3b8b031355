/** Owns `POST /r/<path>`: calling the function that a route leads to. */
import type { Middleware } from 'koa';
import { GlambdarError } from '../../../errors.js';
import type { Route, Routes } from '../../../registry/routes.js';
import type { RunCall } from '../../calls/run-call.js';
import { needing } from '../../middleware/needs.js';
import { methodNotAllowed } from '../../middleware/no-route.js';
import type { RouteState } from '../../middleware/observe.js';
import { assertMayCall, assertRole, namespaceOf } from '../../requests/principal.js';
import { functionHeaders } from '../../requests/request-headers.js';

const PREFIX = '/r/';

/** Plain middleware, not a router: a route's path may have any characters, and is compared whole. */
export function runRoute(routes: Routes, runCall: RunCall): Middleware {
  return needing('invoker', async (ctx, next) => {
    const { req, res } = ctx;
    const { method, url = '' } = req;
    if (!url.startsWith(PREFIX)) {
      await next();
      return;
    }
    (ctx.state as RouteState).route = '/r/*';
    if (method !== 'POST') return methodNotAllowed(ctx, ['POST']);
    const question = url.indexOf('?');
    const path = url.slice(PREFIX.length - 1, question === -1 ? undefined : question);
    assertRole(ctx, 'invoker');
    const route = await found(routes, namespaceOf(ctx), path);
    assertMayCall(ctx, route.function.ref.name);
    ctx.respond = false;
    await runCall(req, res, {
      ref: route.function.ref,
      method,
      path,
      query: question === -1 ? '' : url.slice(question + 1),
      headers: functionHeaders(req.rawHeaders, req.headers.connection),
    });
  });
}

/** The route with the path as sent, else with the path decoded. */
async function found(routes: Routes, namespace: string, path: string): Promise<Route> {
  const decoded = decode(path);
  const route =
    (await routes.find(namespace, path)) ??
    (decoded === path ? undefined : await routes.find(namespace, decoded));
  if (route === undefined) throw new GlambdarError('NOT_FOUND', 'No route has this path.');
  return route;
}

function decode(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}
