/**
 * Owns reading records of calls: `/logs/:name` as a list or, with `follow=1`, as a stream of events, and
 * `/invocations/:id`. A stream has the calls that finish from now on; with `limit=n` it begins with the newest n existing
 * records, oldest first.
 */
import Router from '@koa/router';
import type { Context } from 'koa';
import { GlambdarError } from '../../../errors.js';
import { jsonOf, type InvocationView, type Logs } from '../../../invocation/logs.js';
import type { FunctionRef } from '../../../model/function/ref.js';
import { AnswerTurns } from '../../answers/answer-turns.js';
import { holdUntilWritten, type BodyBudget } from '../../answers/body-budget.js';
import type { EventStream } from '../../answers/event-stream.js';
import { FUNCTION_DELETED, type LogStreams } from '../../answers/log-streams.js';
import { needs } from '../../middleware/needs.js';
import { functionNameParam } from '../../requests/function-name-param.js';
import { namespaceOf } from '../../requests/principal.js';
import { sendJsonText } from '../../answers/send-json.js';

export interface LogsRoutesDeps {
  logs: Logs;
  bodies: BodyBudget;
  streams: LogStreams;
}

const DEFAULT_LIMIT = 100;
const MAX_LIMIT = 1000;

/** The flow under which histories of streams count in the body budget. No function's flow can equal it. */
const FLOW = '/logs/:name';

export function logsRoutes({ logs, bodies, streams }: LogsRoutesDeps): Router {
  const router = new Router({ sensitive: true, strict: true });
  const turns = new AnswerTurns();

  router.get('/logs/:name', needs('viewer'), async (ctx) => {
    const ref = { namespace: namespaceOf(ctx), name: functionNameParam(ctx.params['name']) };
    const { limit, before, follow } = parseQuery(ctx.querystring);
    await turns.take(ctx.req, ctx.res);
    if (follow) return followLogs(ctx, ref, limit ?? 0);
    const list = await logs.list(ref, {
      limit: limit ?? DEFAULT_LIMIT,
      ...(before !== undefined && { before }),
    });
    sendJsonText(ctx, 200, Buffer.from(`[${list.map(jsonOf).join(',')}]`));
  });

  router.get('/invocations/:id', needs('viewer'), async (ctx) => {
    await turns.take(ctx.req, ctx.res);
    const record = await logs.get(ctx.params['id'] ?? '', namespaceOf(ctx));
    sendJsonText(ctx, 200, Buffer.from(jsonOf(record)));
  });

  return router;

  async function followLogs(ctx: Context, ref: FunctionRef, history: number): Promise<void> {
    // 1. An unknown function is refused before the head.
    const giveBack = streams.take();
    let unfollow = (): void => undefined;
    const leave = (): void => {
      unfollow();
      giveBack();
    };
    const early = new Map<string, InvocationView>();
    let take = (record: InvocationView): void => void early.set(record.id, record);
    let isDeleted = false;
    let end = (): void => void (isDeleted = true);
    let replayed: InvocationView[];
    let release: () => void;
    try {
      // 2. The follower is added before the history is read, so that no record falls between the two. Records that come
      //    while the history is read wait in `early`.
      unfollow = logs.follow(
        ref,
        (record) => take(record),
        () => end(),
      );
      const past = (await logs.list(ref, { limit: Math.max(history, 1), final: true })).slice(0, history);
      if (ctx.res.destroyed)
        throw new GlambdarError('CANCELLED', 'The client went away before its answer was made.');
      // A record in both is sent once, from `early`: the history may have it as it was before its last output.
      replayed = past.filter(({ id }) => !early.has(id)).reverse();
      // The history counts in the body budget until the client has read it.
      const bytes = replayed.reduce((sum, record) => sum + Buffer.byteLength(jsonOf(record)), 0);
      release = holdUntilWritten(ctx.res, bodies, bytes, FLOW);
    } catch (error) {
      leave();
      throw error;
    }
    // 3. The stream begins with the history, and goes on with every record that comes.
    const begin = (stream: EventStream): void => {
      for (const record of replayed) stream.replay('invocation', record.id, jsonOf(record));
      take = (record) => stream.send('invocation', record.id, jsonOf(record));
      for (const record of early.values()) take(record);
      end = () => stream.end('end', FUNCTION_DELETED);
      if (isDeleted) end();
      if (ctx.res.writableNeedDrain) ctx.res.once('drain', release);
      else if (!ctx.res.writableEnded) release();
    };
    streams.open(ctx, begin, leave);
  }
}

/** What a list or stream of calls can be asked for. */
const PARAMETERS: readonly string[] = ['limit', 'before', 'follow'];

const FOLLOW: ReadonlyMap<string, boolean> = new Map([
  ['1', true],
  ['true', true],
  ['0', false],
  ['false', false],
]);

interface LogsQuery {
  limit: number | undefined;
  before: string | undefined;
  follow: boolean;
}

function parseQuery(querystring: string): LogsQuery {
  const query = new URLSearchParams(querystring);
  const unknown = [...query.keys()].find((name) => !PARAMETERS.includes(name));
  if (unknown !== undefined)
    throw new GlambdarError(
      'INVALID_REQUEST',
      `Unknown parameter ${JSON.stringify(unknown.slice(0, 64))}; known are ${PARAMETERS.join(', ')}.`,
    );
  const one = (name: string): string | undefined => {
    const values = query.getAll(name);
    if (values.length > 1)
      throw new GlambdarError('INVALID_REQUEST', `The parameter "${name}" may be given once.`);
    return values[0];
  };
  const limit = one('limit');
  const before = one('before');
  const follow = FOLLOW.get(one('follow') ?? '0');
  if (limit !== undefined && !(/^\d{1,4}$/.test(limit) && Number(limit) >= 1 && Number(limit) <= MAX_LIMIT)) {
    throw new GlambdarError('INVALID_REQUEST', `"limit" must be a whole number from 1 to ${MAX_LIMIT}.`);
  }
  if (before !== undefined && (before === '' || before.length > 128)) {
    throw new GlambdarError('INVALID_REQUEST', '"before" must be the id of an invocation.');
  }
  if (follow === undefined)
    throw new GlambdarError('INVALID_REQUEST', '"follow" must be 1 or 0, or true or false.');
  if (follow && before !== undefined) {
    throw new GlambdarError(
      'INVALID_REQUEST',
      '"before" looks back and "follow" looks ahead: give one of them.',
    );
  }
  return { limit: limit === undefined ? undefined : Number(limit), before, follow };
}
