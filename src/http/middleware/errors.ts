/** Owns the one place where errors become answers, each in the envelope of its family. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Middleware } from 'koa';
import type { GlambdarError } from '../../errors.js';
import type { Logger } from '../../logger.js';
import { toClientError } from '../client-error.js';
import { familyOf, type Family } from '../family.js';
import { awaitsContinue } from '../request-body.js';
import { requestIdOf } from '../request-id.js';

/** Headers that an error keeps from the route that failed; anything else described an answer that never came. */
const kept = new Set(['allow', 'connection', 'x-content-type-options', 'x-invocation-id', 'x-request-id']);

/** An error as it is answered: the envelope of its family, and the headers that come with it as name, value, … */
export interface ErrorResponse {
  status: number;
  headers: string[];
  body: string;
}

/** Logs what was thrown, and says how it is answered. */
export type DescribeError = (thrown: unknown, url: string, requestId: string) => ErrorResponse;

export function createDescribeError(families: Family[], logger: Logger): DescribeError {
  return (thrown, url, requestId) => {
    const error = toClientError(thrown);
    log(logger, error, requestId);
    const { status, contentType, body } = familyOf(families, pathOf(url)).envelope(error, requestId);
    const headers = ['Content-Type', contentType, 'Content-Length', String(Buffer.byteLength(body))];
    if (error.retryAfterSeconds !== undefined)
      headers.push('Retry-After', String(Math.max(1, Math.ceil(error.retryAfterSeconds))));
    return { status, headers, body };
  };
}

/** Answers with what was thrown, or cuts the connection when half of another answer is out. Must not throw. */
export type AnswerError = (thrown: unknown, req: IncomingMessage, res: ServerResponse) => void;

export function createAnswerError(describe: DescribeError): AnswerError {
  return (thrown, req, res) => {
    // The client has gone: nobody is left to be told.
    if (res.writableEnded || res.socket?.writable === false) return;
    const { status, headers, body } = describe(thrown, req.url ?? '', requestIdOf(req));
    if (res.headersSent) {
      // Half an answer is out; only cutting the connection tells the client so.
      req.socket.destroy();
      return;
    }
    for (const name of res.getHeaderNames()) if (!kept.has(name)) res.removeHeader(name);
    for (let i = 0; i + 1 < headers.length; i += 2) res.setHeader(headers[i]!, headers[i + 1]!);
    if (awaitsContinue(req)) res.setHeader('Connection', 'close');
    res.statusCode = status;
    res.end(body);
  };
}

/** For everything that Koa serves. */
export function errors(answerError: AnswerError): Middleware {
  return async (ctx, next) => {
    try {
      await next();
    } catch (thrown) {
      ctx.respond = false;
      answerError(thrown, ctx.req, ctx.res);
    }
  };
}

function pathOf(url: string): string {
  const question = url.indexOf('?');
  return question === -1 ? url : url.slice(0, question);
}

/** A caller's mistake is not news; the platform's own failure is, with everything known about it. */
function log(logger: Logger, error: GlambdarError, requestId: string): void {
  if (error.code === 'INTERNAL') logger.error({ requestId, err: error.cause ?? error }, 'request failed');
  else if (error.fault === 'platform' && error.cause !== undefined) {
    logger.warn({ requestId, code: error.code, err: error.cause }, error.message);
  } else logger.debug({ requestId, code: error.code, err: error.cause }, error.message);
}
