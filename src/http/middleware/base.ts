/** Owns what holds for every answer, whatever wrote it: its request id, `nosniff`, and the fate of an unread body. */
import type { Middleware } from 'koa';
import { awaitsContinue, discardBody } from '../request-body.js';
import { requestIdOf } from '../request-id.js';

/** To be used first: what it sets stays on answers of every kind. `call-server.ts` does the same for calls. */
export function base(): Middleware {
  return async (ctx, next) => {
    ctx.res.setHeader('X-Request-Id', requestIdOf(ctx.req));
    ctx.res.setHeader('X-Content-Type-Options', 'nosniff');
    await next();
    // A client that waits for 100 and gets an answer instead may or may not send the body; what follows on this
    // connection could then be a body or a request. So it ends here.
    if (awaitsContinue(ctx.req) && !ctx.headerSent) ctx.set('Connection', 'close');
    discardBody(ctx.req);
  };
}
