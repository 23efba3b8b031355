/** Owns the route `/invoke/:name` and all paths under it. */
import type { Middleware } from 'koa';
import type { Registry } from '../../../registry/registry.js';
import { INVOKE_ROUTE, isCall, splitTarget } from '../../calls/call-target.js';
import { headAsSent, type RunCall } from '../../calls/run-call.js';
import { needing } from '../../middleware/needs.js';
import { methodNotAllowed } from '../../middleware/no-route.js';
import type { RouteState } from '../../middleware/observe.js';
import { functionNameParam } from '../../requests/function-name-param.js';
import { assertMayCall, namespaceOf } from '../../requests/principal.js';

const METHODS: readonly string[] = ['DELETE', 'GET', 'HEAD', 'PATCH', 'POST', 'PUT'];

export interface InvokeRouteDeps {
  registry: Pick<Registry, 'find'>;
  runCall: RunCall;
}

/**
 * Plain middleware, not a router: the path of a call goes to the function undecoded, and a router's matching costs more
 * than all other work of Koa for a warm call.
 */
export function invokeRoute({ registry, runCall }: InvokeRouteDeps): Middleware {
  return needing('invoker', (ctx, next) => {
    const { req, res } = ctx;
    const { method = '', url = '' } = req;
    if (!isCall(url)) return next();
    if (!METHODS.includes(method)) return methodNotAllowed(ctx, METHODS);
    (ctx.state as RouteState).route = INVOKE_ROUTE;
    const target = splitTarget(url);
    const ref = { namespace: namespaceOf(ctx), name: functionNameParam(target.name) };
    assertMayCall(ctx, ref.name, () => registry.find(ref)?.settings.public === true);
    // The answer is written past Koa, because Koa would choose its type and length from the kind of body.
    ctx.respond = false;
    return runCall(req, res, headAsSent(req, ref, target));
  });
}
