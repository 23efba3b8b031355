/**
 * Owns the frame around every request: an error becomes an answer, and a body that no route read is thrown away. The only
 * middleware that waits for the middleware behind it, apart from `koa-answers.ts`.
 */
import type { Middleware } from 'koa';
import type { AnswerError } from '../answers/error-answer.js';
import { awaitsContinue, discardBody } from '../requests/request-body.js';

export function base(answerError: AnswerError): Middleware {
  return (ctx, next) => {
    const { req, res } = ctx;
    const after = (): void => {
      // A client that waits for `100 Continue` and gets an answer instead may or may not send the body, so the next bytes on
      // this connection could be a body or a request. Therefore the connection ends here.
      if (awaitsContinue(req) && !res.headersSent) res.setHeader('Connection', 'close');
      discardBody(req);
    };
    const answer = (thrown: unknown): void => {
      ctx.respond = false;
      answerError(thrown, req, res);
      after();
    };
    // Not async: every promise costs each call.
    return next().then(after, answer);
  };
}
