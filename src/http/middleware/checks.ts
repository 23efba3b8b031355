/** Owns judging a request by its head alone: once, in order, before any body is read. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Middleware } from 'koa';

/** Throws `GlambdarError` when the request must not go further. Cheap and synchronous. */
export type Check = (req: IncomingMessage, res: ServerResponse) => void;

/** @param list the checks in their order; a later check may rely on the earlier ones having passed */
export function checks(list: readonly Check[]): Middleware {
  return (ctx, next) => {
    for (const check of list) check(ctx.req, ctx.res);
    return next();
  };
}
