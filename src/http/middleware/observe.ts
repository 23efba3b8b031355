/** Owns telling the metrics about each finished request. */
import type { IncomingMessage, ServerResponse } from 'node:http';
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

export type OnRequest = (observation: RequestObservation) => void;

export function observe(onRequest: OnRequest): Middleware {
  return (ctx, next) => {
    observeAnswer(ctx.req, ctx.res, onRequest, () => {
      const { _matchedRoute: pattern } = ctx as { _matchedRoute?: string };
      return (ctx.state as RouteState).route ?? pattern ?? 'none';
    });
    return next();
  };
}

/** Calls back when the answer is out or its client gone. To be called before anything is answered. */
export function observeAnswer(
  { socket, method = '' }: IncomingMessage,
  res: ServerResponse,
  onRequest: OnRequest,
  route: () => string,
): void {
  const startedAt = performance.now();
  let complete = false;
  // Node emits `finish` for answers that were cut off as well, and calls `destroySoon` in its own listener.
  res.prependListener('finish', () => (complete = !socket.destroyed));
  let told = false;
  // Not `once`, which costs more than all of this.
  res.on('close', () => {
    if (told) return;
    told = true;
    onRequest({
      route: route(),
      method: methods.has(method) ? method : 'OTHER',
      status: complete ? res.statusCode : 499,
      seconds: (performance.now() - startedAt) / 1000,
    });
  });
}
