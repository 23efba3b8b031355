/**
 * Owns the short way of a call through the server: what `app.ts` does for every request, without the framework around it,
 * which would be a third of the server's work for a warm call.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Logger } from '../logger.js';
import type { Check } from './middleware/checks.js';
import type { AnswerError } from './middleware/errors.js';
import { observeAnswer, type OnRequest } from './middleware/observe.js';
import { discardBody } from './request-body.js';
import { requestIdOf } from './request-id.js';
import { INVOKE_ROUTE } from './call-target.js';
import type { Call } from './routes/invoke.js';

export interface CallServerOptions {
  check: Check;
  call: Call;
  answerError: AnswerError;
  onRequest: OnRequest | undefined;
  logger: Logger;
}

/** Serves requests of which `isCall` is true. The returned function never throws, and its promise never rejects. */
export function createCallServer({ check, call, answerError, onRequest, logger }: CallServerOptions) {
  return async (req: IncomingMessage, res: ServerResponse): Promise<void> => {
    let route = 'none';
    if (onRequest !== undefined) observeAnswer(req, res, onRequest, () => route);
    try {
      check(req, res);
      route = INVOKE_ROUTE;
      await call(req, res);
    } catch (thrown) {
      try {
        if (!res.headersSent) {
          res.setHeader('X-Request-Id', requestIdOf(req));
          res.setHeader('X-Content-Type-Options', 'nosniff');
        }
        answerError(thrown, req, res);
      } catch (err) {
        logger.error({ err, requestId: requestIdOf(req) }, 'answer failed');
        req.socket.destroy();
      }
    }
    discardBody(req);
  };
}
