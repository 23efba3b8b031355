/**
 * Owns reading records of calls: `/logs/:name` as a list or, with `follow=1`, as a stream of events, and
 * `/invocations/:id`. A stream starts with calls that finish from now on; with `limit` it first gives the newest
 * that many existing records, oldest first.
 */
import Router from '@koa/router';
import type { Context } from 'koa';
import { GlambdarError } from '../../../errors.js';
import { jsonOf, type Logs } from '../../../invocation/logs.js';
import { AnswerTurns } from '../../answers/answer-turns.js';
import { holdUntilWritten, type BodyBudget } from '../../answers/body-budget.js';
import { EventStream, type EventStreamOptions } from '../../answers/event-stream.js';
import { functionNameParam } from '../../requests/function-name-param.js';
import { sendJsonText } from '../../answers/send-json.js';

export interface LogsRoutesDeps {
  logs: Logs;
  bodies: BodyBudget;
  stopping: AbortSignal;
  events: EventStreamOptions;
}

const DEFAULT_LIMIT = 100;
const MAX_LIMIT = 1000;

/** Streams open at once: each keeps a connection and up to its buffer of memory. */
const MAX_FOLLOWERS = 100;

/** Under this name the histories of streams hold their share of the body budget. No function can have it. */
const FLOW = '/logs/:name';

export function logsRoutes({ logs, bodies, stopping, events }: LogsRoutesDeps): Router {
  const router = new Router({ sensitive: true, strict: true });
  let followers = 0;
  const turns = new AnswerTurns();

  router.get('/logs/:name', async (ctx) => {
    const name = functionNameParam(ctx.params['name']);
    const { limit, before, follow } = parseQuery(ctx.querystring);
    await turns.take(ctx.req, ctx.res);
    if (follow) return followLogs(ctx, name, limit ?? 0);
    const list = logs.list(name, {
      limit: limit ?? DEFAULT_LIMIT,
      ...(before !== undefined && { before }),
    });
    sendJsonText(ctx, 200, Buffer.from(`[${list.map(jsonOf).join(',')}]`));
  });

  router.get('/invocations/:id', async (ctx) => {
    await turns.take(ctx.req, ctx.res);
    sendJsonText(ctx, 200, Buffer.from(jsonOf(logs.get(ctx.params['id'] ?? ''))));
  });

  return router;

  function followLogs(ctx: Context, name: string, history: number): void {
    // 1. An unknown function is refused before the head. All of this is synchronous: no record falls between the
    //    history and what follows it, and none comes twice: what is not final yet is still to come. The history counts as
    //    held until it is through.
    if (followers >= MAX_FOLLOWERS)
      throw new GlambdarError(
        'AT_CAPACITY',
        `${MAX_FOLLOWERS} streams of logs are open already; close one, or try again later.`,
        {
          retryAfterSeconds: 5,
        },
      );
    const past = logs.list(name, { limit: Math.max(history, 1), final: true }).slice(0, history);
    const bytes = past.reduce((sum, record) => sum + Buffer.byteLength(jsonOf(record)), 0);
    const release = holdUntilWritten(ctx.res, bodies, bytes, FLOW);
    ctx.respond = false;
    const stream = new EventStream(ctx.res, events);
    const unfollow = logs.follow(name, (record) => stream.send('invocation', record.id, jsonOf(record)));
    followers += 1;
    // 2. The stream lives until the reader leaves, is too slow, or the server stops.
    const stop = (): void => stream.end('end', 'the server is stopping');
    stopping.addEventListener('abort', stop);
    ctx.res.once('close', () => {
      followers -= 1;
      stopping.removeEventListener('abort', stop);
      unfollow();
    });
    if (ctx.method === 'HEAD') stream.end('end', '');
    for (const record of past.reverse()) stream.replay('invocation', record.id, jsonOf(record));
    if (ctx.res.writableNeedDrain) ctx.res.once('drain', release);
    else if (!ctx.res.writableEnded) release();
    // The server may have stopped while the stream waited for its turn.
    if (stopping.aborted) stop();
  }
}

interface LogsQuery {
  limit: number | undefined;
  before: string | undefined;
  follow: boolean;
}

function parseQuery(querystring: string): LogsQuery {
  const query = new URLSearchParams(querystring);
  const one = (name: string): string | undefined => {
    const values = query.getAll(name);
    if (values.length > 1)
      throw new GlambdarError('INVALID_REQUEST', `The parameter "${name}" may be given once.`);
    return values[0];
  };
  const limit = one('limit');
  const before = one('before');
  const follow = one('follow') ?? '0';
  if (limit !== undefined && !(/^\d{1,4}$/.test(limit) && Number(limit) >= 1 && Number(limit) <= MAX_LIMIT)) {
    throw new GlambdarError('INVALID_REQUEST', `"limit" must be a whole number from 1 to ${MAX_LIMIT}.`);
  }
  if (before !== undefined && (before === '' || before.length > 128)) {
    throw new GlambdarError('INVALID_REQUEST', '"before" must be the id of an invocation.');
  }
  if (follow !== '0' && follow !== '1')
    throw new GlambdarError('INVALID_REQUEST', '"follow" must be 1 or 0.');
  if (follow === '1' && before !== undefined) {
    throw new GlambdarError(
      'INVALID_REQUEST',
      '"before" looks back and "follow" looks ahead: give one of them.',
    );
  }
  return { limit: limit === undefined ? undefined : Number(limit), before, follow: follow === '1' };
}
