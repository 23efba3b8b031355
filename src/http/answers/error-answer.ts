/** Owns the one place where errors become answers, each in the envelope of its family. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { GlambdarError } from '../../errors.js';
import type { Logger } from '../../logger.js';
import { familyOf, type Family } from '../families/family.js';
import { awaitsContinue } from '../requests/request-body.js';
import { requestIdOf } from '../requests/request-id.js';
import { toClientError } from './client-error.js';

/** Headers that an error answer keeps from the route that failed; all others described an answer that is not sent. */
const kept = new Set([
  ...['access-control-allow-credentials', 'access-control-allow-origin', 'vary'],
  ...['allow', 'connection', 'x-content-type-options', 'x-invocation-id', 'x-request-id'],
]);

/**
 * Answers with the thrown error, or cuts the connection when half of another answer is out. Never throws: a failure
 * here is logged and ends the connection.
 */
export type AnswerError = (thrown: unknown, req: IncomingMessage, res: ServerResponse) => void;

/** Told about every error that is answered. */
export type OnRefused = (error: GlambdarError) => void;

export function createAnswerError(
  families: readonly Family[],
  logger: Logger,
  onRefused?: OnRefused,
): AnswerError {
  const answer: AnswerError = (thrown, req, res) => {
    // The client has gone: nobody is left to be told.
    if (res.writableEnded || req.socket.destroyed || res.socket?.writable === false) return;
    const requestId = requestIdOf(req);
    const error = toClientError(thrown);
    log(logger, error, requestId);
    onRefused?.(error);
    if (res.headersSent) {
      // Part of an answer has been sent; only cutting the connection tells the client that the rest will not come.
      req.socket.destroy();
      return;
    }
    const request = { method: req.method ?? '', path: pathOf(req.url ?? '') };
    const { envelope } = familyOf(families, request.method, request.path);
    const { status, contentType, body: text } = envelope(error, requestId, request);
    // As with answers that succeed; texts for people, and the lines of Invok, stay as their clients know them.
    const body = contentType.startsWith('application/json') ? `${text}\n` : text;
    for (const name of res.getHeaderNames()) if (!kept.has(name)) res.removeHeader(name);
    res.setHeader('X-Request-Id', requestId);
    res.setHeader('X-Content-Type-Options', 'nosniff');
    res.setHeader('Content-Type', contentType);
    res.setHeader('Content-Length', Buffer.byteLength(body));
    if (error.retryAfterSeconds !== undefined)
      res.setHeader('Retry-After', Math.max(1, Math.ceil(error.retryAfterSeconds)));
    if (status === 401) res.setHeader('WWW-Authenticate', 'Bearer');
    if (awaitsContinue(req)) res.setHeader('Connection', 'close');
    res.statusCode = status;
    // An earlier answer whose head Node refused has left its reason phrase here.
    res.statusMessage = '';
    res.end(body);
  };
  return (thrown, req, res) => {
    try {
      answer(thrown, req, res);
    } catch (err) {
      logger.error({ err, requestId: requestIdOf(req) }, 'answer failed');
      req.socket.destroy();
    }
  };
}

function pathOf(url: string): string {
  const question = url.indexOf('?');
  return question === -1 ? url : url.slice(0, question);
}

/** Logs a caller's mistake for debugging only, and a failure of the platform as a warning or error with its cause. */
function log(logger: Logger, error: GlambdarError, requestId: string): void {
  if (error.code === 'INTERNAL') logger.error({ requestId, err: error.cause ?? error }, 'request failed');
  else if (error.fault === 'platform' && error.cause !== undefined) {
    logger.warn({ requestId, code: error.code, err: error.cause }, error.message);
  } else logger.debug({ requestId, code: error.code, err: error.cause }, error.message);
}
