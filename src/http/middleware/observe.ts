/** Owns telling the metrics about each finished request. */
import type { Middleware } from 'koa';
import type { Logger } from '../../logger.js';
import { onAnswerEnd } from '../connections/answer-end.js';
import { requestIdOf } from '../requests/request-id.js';

/** One finished request. `route` is a template such as `/info/:name`, never a path, so that labels stay few. */
export interface RequestObservation {
  route: string;
  method: string;
  /** 499 when the client went away before it had the whole answer. */
  status: number;
  seconds: number;
}

/** The part of `ctx.state` where a route puts a template that differs from the router's pattern. */
export interface RouteState {
  route?: string;
}

const methods = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);

export type OnRequest = (observation: RequestObservation) => void;

/**
 * Calls back once per request, when its answer is out or its client gone. An error of the callback is logged.
 * @param noRoute the route of requests that no route took
 */
export function observe(onRequest: OnRequest, logger: Logger, noRoute = 'none'): Middleware {
  return (ctx, next) => {
    const { req, res } = ctx;
    const { socket, method = '' } = req;
    const startedAt = performance.now();
    onAnswerEnd(res, () => {
      // Node emits `finish` for answers that were cut off as well. After a whole answer `close` comes before the socket ends.
      const complete = res.writableFinished && !socket.destroyed;
      const { _matchedRoute: pattern } = ctx as { _matchedRoute?: string };
      try {
        onRequest({
          route: (ctx.state as RouteState).route ?? pattern ?? noRoute,
          method: methods.has(method) ? method : 'OTHER',
          status: complete ? res.statusCode : 499,
          seconds: (performance.now() - startedAt) / 1000,
        });
      } catch (err) {
        logger.error({ err, requestId: requestIdOf(req) }, 'a request could not be counted');
      }
    });
    return next();
  };
}
