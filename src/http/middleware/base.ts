/**
 * Owns what holds for every request, whatever serves it: an error becomes an answer, and a body that nobody read is
 * thrown away. The only middleware that waits for the ones behind it.
 */
import type { Middleware } from 'koa';
import type { AnswerError } from '../answers/error-answer.js';
import { awaitsContinue, discardBody } from '../requests/request-body.js';

export function base(answerError: AnswerError): Middleware {
  return async (ctx, next) => {
    const { req, res } = ctx;
    try {
      await next();
    } catch (thrown) {
      ctx.respond = false;
      answerError(thrown, req, res);
    }
    // A client that waits for 100 and gets an answer instead may or may not send the body; the next bytes on this
    // connection could then be a body or a request. So the connection ends here.
    if (awaitsContinue(req) && !res.headersSent) res.setHeader('Connection', 'close');
    discardBody(req);
  };
}
