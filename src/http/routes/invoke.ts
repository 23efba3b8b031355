/** Owns `/invoke/:name` and everything under it: the hot path. Bodies are passed on as bytes, never parsed. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import Router from '@koa/router';
import type { Invoker } from '../../invocation/invocation.js';
import type { BodyBudget } from '../body-budget.js';
import { clientGone } from '../client-gone.js';
import { functionNameParam } from '../function-name-param.js';
import { writeFunctionResponse } from '../function-response.js';
import type { RouteState } from '../middleware/observe.js';
import { readBody } from '../request-body.js';
import { functionHeaders } from '../request-headers.js';
import { isOwnRequestId, requestIdOf } from '../request-id.js';

export interface InvokeRoutesDeps {
  invoker: Invoker;
  bodies: BodyBudget;
  config: { maxBodyBytes: number };
}

/** Runs the call of a request whose path is below `/invoke/`, and answers it. Rejects with what is to be answered instead. */
export type Call = (req: IncomingMessage, res: ServerResponse) => Promise<void>;

/** As metrics name it. */
export const INVOKE_ROUTE = '/invoke/:name';
export const INVOKE_PREFIX = '/invoke/';
/** Answers up to this are not counted: a connection holds few of them. */
const SMALL_ANSWER_BYTES = 64 * 1024;
const methods = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'];

/** Whether this is a request that `Call` serves. */
export function isCall({ method = '', url = '' }: IncomingMessage): boolean {
  const named = url.startsWith(INVOKE_PREFIX) && url.length > INVOKE_PREFIX.length;
  return named && url[INVOKE_PREFIX.length] !== '?' && methods.includes(method);
}

export function createCall({ invoker, bodies, config }: InvokeRoutesDeps): Call {
  return async (req, res) => {
    // 1. The name, then a place: a call that will not be let in must not send its body first.
    const { name, path, query } = splitTarget(req.url as string);
    const requestId = requestIdOf(req);
    const flow = functionNameParam(name);
    const admission = invoker.admit(flow, requestId, isOwnRequestId(req));
    let bodyBytes = 0;
    try {
      // 2. The body.
      let gone: AbortSignal;
      let body: Buffer;
      try {
        gone = clientGone(req, res);
        body = await readBody(req, res, config.maxBodyBytes, bodies, flow);
        bodyBytes = body.length;
        if (gone.aborted) gone.throwIfAborted();
      } catch (error) {
        admission.abandon();
        throw error;
      }
      // 3. The call.
      const headers = functionHeaders(req.rawHeaders, req.headers.connection);
      // Functions need not know HEAD: it is GET, and Node leaves the body of the answer away.
      const method = req.method === 'HEAD' ? 'GET' : (req.method as string);
      const response = await admission.run({ method, path, query, headers, body }, gone);
      // 4. The answer, past Koa, which would choose types and lengths from the kind of body.
      const { length } = response.body;
      if (length > SMALL_ANSWER_BYTES && !gone.aborted) holdUntilWritten(res, gone, bodies, length, flow);
      if (!gone.aborted) writeFunctionResponse(res, response, { requestId, invocationId: admission.id });
    } catch (error) {
      // The invocation's id differs from the request's when the client used that one before.
      if (!res.headersSent) res.setHeader('X-Invocation-Id', admission.id);
      throw error;
    } finally {
      bodies.give(bodyBytes, flow);
    }
  };
}

/** Counts an answer until its reader has it, or has gone. Throws AT_CAPACITY. */
function holdUntilWritten(
  res: ServerResponse,
  gone: AbortSignal,
  bodies: BodyBudget,
  bytes: number,
  flow: string,
): void {
  bodies.take(bytes, flow);
  let held = true;
  const release = (): void => {
    if (!held) return;
    held = false;
    gone.removeEventListener('abort', release);
    bodies.give(bytes, flow);
  };
  res.once('close', release);
  // An answer that waits behind another on its connection is not told when that ends.
  gone.addEventListener('abort', release, { once: true });
}

/** For what comes through Koa: targets in absolute form, and the methods that are not there. */
export function invokeRoutes(call: Call): Router {
  const router = new Router({ sensitive: true, strict: true });
  router.register(
    `${INVOKE_PREFIX}*target`,
    methods.map((method) => method.toLowerCase()),
    async (ctx) => {
      (ctx.state as RouteState).route = INVOKE_ROUTE;
      await call(ctx.req, ctx.res);
      ctx.respond = false;
    },
  );
  return router;
}

/** From the raw target, because the function gets its path and query as they were sent. */
function splitTarget(url: string): { name: string; path: string; query: string } {
  const question = url.indexOf('?');
  const pathname = question === -1 ? url : url.slice(0, question);
  const slash = pathname.indexOf('/', INVOKE_PREFIX.length);
  return {
    name: decode(
      slash === -1 ? pathname.slice(INVOKE_PREFIX.length) : pathname.slice(INVOKE_PREFIX.length, slash),
    ),
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
