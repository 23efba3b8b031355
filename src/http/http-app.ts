/** Owns a Koa app that can be told to stop. */
import { setMaxListeners } from 'node:events';
import Koa from 'koa';
import type { Logger } from '../logger.js';
import { isClientGone } from './answers/client-error.js';
import type { RouteNeed } from './middleware/needs.js';
import { requestIdOf } from './requests/request-id.js';

/** A Koa app that can be told to stop: from then on it refuses requests and ends its event streams. */
export class HttpApp extends Koa {
  readonly #stop = new AbortController();
  readonly stopping: AbortSignal = this.#stop.signal;
  /** Every route, and the least role that may use it. */
  routes: readonly RouteNeed[] = [];

  /** @param logger gets the errors that no middleware could catch: those of the sockets themselves, or a bug in an answer */
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

  /** May be called more than once. */
  stop(): void {
    this.#stop.abort();
  }
}
