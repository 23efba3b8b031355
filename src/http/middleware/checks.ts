/** Owns how a request is judged by its head alone. Calls pass the same checks as all else, without the middleware around them. */
import type { IncomingHttpHeaders, ServerResponse } from 'node:http';
import type { Middleware } from 'koa';

/** What is judged; Node's requests are such heads. */
export interface RequestHead {
  method?: string | undefined;
  url?: string | undefined;
  rawHeaders: string[];
  headers: IncomingHttpHeaders;
  socket: { localAddress?: string | undefined };
}

/** Throws `GlambdarError` when the request must not go further. Cheap, synchronous, and before any body is read. */
export type Check = (req: RequestHead, res: Pick<ServerResponse, 'setHeader'>) => void;

/** All of them, in order. */
export function allChecks(checks: readonly Check[]): Check {
  return (req, res) => {
    for (const check of checks) check(req, res);
  };
}

/** The check as middleware. */
export function checked(check: Check): Middleware {
  return (ctx, next) => {
    check(ctx.req, ctx.res);
    return next();
  };
}
