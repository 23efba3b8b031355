/** Owns the one place where errors become answers, each in the envelope of its family. */
import type { Middleware } from 'koa';
import type { GlambdarError } from '../../errors.js';
import type { Logger } from '../../logger.js';
import { toClientError } from '../client-error.js';
import { familyOf, type Family } from '../family.js';
import { requestIdOf } from '../request-id.js';

/** Headers that an error keeps from the route that failed; anything else described an answer that never came. */
const kept = new Set(['allow', 'connection', 'x-content-type-options', 'x-invocation-id', 'x-request-id']);

export function errors(families: Family[], logger: Logger): Middleware {
  return async (ctx, next) => {
    try {
      await next();
    } catch (thrown) {
      const requestId = requestIdOf(ctx.req);
      if (!ctx.writable) {
        // The client has gone: nobody is left to be told.
        ctx.respond = false;
        return;
      }
      const error = toClientError(thrown);
      log(logger, error, requestId);
      if (ctx.headerSent) {
        // Half an answer is out; only cutting the connection tells the client so.
        ctx.respond = false;
        ctx.req.socket.destroy();
        return;
      }
      for (const name of ctx.res.getHeaderNames()) if (!kept.has(name)) ctx.remove(name);
      const answer = familyOf(families, ctx.path).envelope(error, requestId);
      if (error.retryAfterSeconds !== undefined) {
        ctx.set('Retry-After', String(Math.max(1, Math.ceil(error.retryAfterSeconds))));
      }
      ctx.status = answer.status;
      ctx.set('Content-Type', answer.contentType);
      ctx.body = answer.body;
    }
  };
}

/** A caller's mistake is not news; the platform's own failure is, with everything known about it. */
function log(logger: Logger, error: GlambdarError, requestId: string): void {
  if (error.code === 'INTERNAL') logger.error({ requestId, err: error.cause ?? error }, 'request failed');
  else if (error.fault === 'platform' && error.cause !== undefined) {
    logger.warn({ requestId, code: error.code, err: error.cause }, error.message);
  } else logger.debug({ requestId, code: error.code, err: error.cause }, error.message);
}
