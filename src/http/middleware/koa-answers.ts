/**
 * Owns the headers of every answer that Koa writes (request id, `nosniff`), and its place in the body budget while a slow
 * client reads it. Answers of functions and errors are written past Koa, by `answers/`, with the same headers.
 */
import type { Middleware } from 'koa';
import { holdUntilWritten, type BodyBudget } from '../answers/body-budget.js';
import { requestIdOf } from '../requests/request-id.js';

export function koaAnswers(bodies: BodyBudget): Middleware {
  return async (ctx, next) => {
    ctx.res.setHeader('X-Request-Id', requestIdOf(ctx.req));
    ctx.res.setHeader('X-Content-Type-Options', 'nosniff');
    await next();
    if (ctx.respond === false || ctx.method === 'HEAD') return;
    const { _matchedRoute: route = 'none' } = ctx as { _matchedRoute?: string };
    holdUntilWritten(ctx.res, bodies, ctx.response.length ?? 0, route);
  };
}
