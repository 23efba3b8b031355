/** Owns a Koa app that can be told to stop. */
import { setMaxListeners } from 'node:events';
import Koa from 'koa';
import type { Logger } from '../logger.js';
import { isClientGone } from './answers/client-error.js';
import type { RouteNeed } from './middleware/needs.js';
import { requestIdOf } from './requests/request-id.js';

/** Koa's method that runs the middleware for a request and then writes the answer; its types leave it out. */
interface Handling {
  handleRequest(ctx: Koa.Context, run: (ctx: Koa.Context) => Promise<unknown>): Promise<unknown>;
}

const koa = Koa.prototype as unknown as Handling;

/** A Koa app that can be told to stop: from then on it refuses requests and ends its event streams. */
export class HttpApp extends Koa {
  readonly #stop = new AbortController();
  readonly stopping: AbortSignal = this.#stop.signal;
  /** Every route, and the least role that may use it. */
  routes: readonly RouteNeed[] = [];

  /** @param logger gets the errors that no middleware could catch: those of connections to which Koa writes an answer, or a bug in an answer */
  constructor(logger: Logger) {
    super();
    // Every event stream listens to this signal, so there is no limit on listeners.
    setMaxListeners(0, this.stopping);
    this.on('error', (error: unknown, ctx?: Koa.Context) => {
      if (isClientGone(error)) return;
      const requestId = ctx === undefined ? undefined : requestIdOf(ctx.req);
      logger.error({ err: error, requestId }, 'answer failed');
    });
  }

  /**
   * Has Koa watch the response and write it only when the middleware left that to Koa. Calls are answered past it, and the
   * listeners that Koa adds to every response and its connection took 6 % of this server's time for a warm call.
   */
  handleRequest(ctx: Koa.Context, run: (ctx: Koa.Context) => Promise<unknown>): Promise<unknown> {
    ctx.res.statusCode = 404;
    return run(ctx).then(
      () => {
        if (ctx.respond === false) return;
        const { statusCode } = ctx.res;
        return koa.handleRequest.call(this, ctx, () => {
          // Koa begins with 404.
          ctx.res.statusCode = statusCode;
          return Promise.resolve();
        });
      },
      (error: unknown) => ctx.onerror(error as Error),
    );
  }

  /** May be called more than once. */
  stop(): void {
    this.#stop.abort();
  }
}
