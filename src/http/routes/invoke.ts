/** Owns `/invoke/:name` and everything under it: the hot path. Bodies are passed on as bytes, never parsed. */
import Router from '@koa/router';
import type { Context } from 'koa';
import type { Invoker } from '../../invocation/invocation.js';
import { functionNameParam } from '../function-name-param.js';
import { writeFunctionResponse } from '../function-response.js';
import type { RouteState } from '../middleware/observe.js';
import { readBody } from '../request-body.js';
import { functionHeaders } from '../request-headers.js';
import { requestIdOf } from '../request-id.js';

export interface InvokeRoutesDeps {
  invoker: Invoker;
  config: { maxBodyBytes: number };
}

const PREFIX = '/invoke/';

export function invokeRoutes({ invoker, config }: InvokeRoutesDeps): Router {
  const invoke = async (ctx: Context): Promise<void> => {
    const { req, res } = ctx;
    (ctx.state as RouteState).route = '/invoke/:name';
    // 1. The name, then a place: a call that will not be let in must not send its body first.
    const { name, path, query } = splitTarget(req.url as string);
    const admission = invoker.admit(functionNameParam(name), requestIdOf(req));
    // The invocation's id differs from the request's when the client used that one before.
    res.setHeader('X-Invocation-Id', admission.id);
    const gone = new AbortController();
    res.once('close', () => {
      if (!res.writableFinished) gone.abort();
    });
    // 2. The body.
    let body: Buffer;
    try {
      body = await readBody(req, res, config.maxBodyBytes);
      gone.signal.throwIfAborted();
    } catch (error) {
      admission.abandon();
      throw error;
    }
    // 3. The call.
    const headers = functionHeaders(req.rawHeaders, req.headers.connection);
    // Functions need not know HEAD: it is GET, and Node leaves the body of the answer away.
    const method = ctx.method === 'HEAD' ? 'GET' : ctx.method;
    const response = await admission.run({ method, path, query, headers, body }, gone.signal);
    // 4. The answer, past Koa, which would choose types and lengths from the kind of body.
    if (!gone.signal.aborted) writeFunctionResponse(res, response);
    ctx.respond = false;
  };
  const router = new Router({ sensitive: true, strict: true });
  router.register(`${PREFIX}*target`, ['get', 'head', 'post', 'put', 'patch', 'delete'], invoke);
  return router;
}

/** From the raw target, because the function gets its path and query as they were sent. */
function splitTarget(url: string): { name: string; path: string; query: string } {
  const question = url.indexOf('?');
  const pathname = question === -1 ? url : url.slice(0, question);
  const slash = pathname.indexOf('/', PREFIX.length);
  return {
    name: decode(slash === -1 ? pathname.slice(PREFIX.length) : pathname.slice(PREFIX.length, slash)),
    path: slash === -1 ? '/' : pathname.slice(slash),
    query: question === -1 ? '' : url.slice(question + 1),
  };
}

function decode(segment: string): string {
  if (!segment.includes('%')) return segment;
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}
