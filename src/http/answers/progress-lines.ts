/**
 * Owns an answer in lines of JSON (`application/x-ndjson`): sentences about what is being done, then the result as the last
 * line. A client asks for it by its `Accept` header. An answer without any progress is a plain one, with its own status.
 */
import type { Context } from 'koa';
import { requestIdOf } from '../requests/request-id.js';
import type { Envelope } from '../families/family.js';
import { toClientError } from './client-error.js';
import { sendJson } from './send-json.js';

const TYPE = 'application/x-ndjson';
/** Lines beyond so many waiting bytes are left out: the client reads too slowly to need them. */
const MAX_WAITING_BYTES = 64 * 1024;

/**
 * Runs `work` and answers with its value and `status`. Once a line of progress is out the status is 200, and the last line,
 * the value or an error in the family's envelope with its status, says how it ended; until then errors are thrown as by any route.
 */
export async function answerWithProgress(
  ctx: Context,
  status: number,
  envelope: Envelope,
  work: (progress: (line: string) => void) => Promise<object>,
): Promise<void> {
  const { req, res } = ctx;
  const wantsLines = (req.headers.accept ?? '').split(',').some((type) => type.trim().startsWith(TYPE));
  let isStreaming = false;
  const progress = (line: string): void => {
    if (!wantsLines || res.destroyed || res.writableLength > MAX_WAITING_BYTES) return;
    if (!isStreaming) {
      isStreaming = true;
      ctx.respond = false;
      res.writeHead(200, { 'Content-Type': `${TYPE}; charset=utf-8`, 'Cache-Control': 'no-store' });
    }
    res.write(`${JSON.stringify({ progress: line })}\n`);
  };
  try {
    const value = await work(progress);
    if (isStreaming) res.end(`${JSON.stringify(value)}\n`);
    else sendJson(ctx, status, value);
  } catch (error) {
    if (!isStreaming) throw error;
    // The status that the answer had no more, so that a client need not know every code.
    const { status: failed, body } = envelope(toClientError(error), requestIdOf(req), ctx);
    res.end(`${JSON.stringify({ ...(JSON.parse(body) as object), status: failed })}\n`);
  }
}
