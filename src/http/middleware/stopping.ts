/** Owns refusing requests that begin after the server was told to stop. */
import type { Middleware } from 'koa';
import { GlambdarError } from '../../errors.js';

export function refuseWhenStopping(stopping: AbortSignal): Middleware {
  return (ctx, next) => {
    if (!stopping.aborted) return next();
    ctx.set('Connection', 'close');
    throw new GlambdarError('STOPPING', 'The server is stopping; try again in a moment.', {
      retryAfterSeconds: 1,
    });
  };
}
