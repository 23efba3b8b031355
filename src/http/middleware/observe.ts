/** Owns telling the metrics about each finished request. */
import type { Middleware } from 'koa';

/** One finished request. `route` is a template such as `/info/:name`, never a path, so that labels stay few. */
export interface RequestObservation {
  route: string;
  method: string;
  /** 499 when the client went away before it had the whole answer. */
  status: number;
  seconds: number;
}

/** Where routes leave a template that differs from the router's pattern. */
export interface RouteState {
  route?: string;
}

const methods = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);

export function observe(onRequest: (observation: RequestObservation) => void): Middleware {
  return (ctx, next) => {
    const startedAt = performance.now();
    const { socket } = ctx.req;
    let complete = false;
    // Node emits `finish` for answers that were cut off as well, and calls `destroySoon` in its own listener.
    ctx.res.prependOnceListener('finish', () => (complete = !socket.destroyed));
    ctx.res.once('close', () => {
      const { _matchedRoute: pattern } = ctx as { _matchedRoute?: string };
      onRequest({
        route: (ctx.state as RouteState).route ?? pattern ?? 'none',
        method: methods.has(ctx.method) ? ctx.method : 'OTHER',
        status: complete ? ctx.res.statusCode : 499,
        seconds: (performance.now() - startedAt) / 1000,
      });
    });
    return next();
  };
}
