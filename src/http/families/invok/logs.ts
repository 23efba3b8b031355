/** Owns `/invok/logs/:namespace/:name`: the lines that a function prints from now on, as a stream of events. */
import Router from '@koa/router';
import { GlambdarError } from '../../../errors.js';
import type { Logs } from '../../../invocation/logs.js';
import type { Registry } from '../../../registry/registry.js';
import { EventStream, type EventStreamOptions } from '../../answers/event-stream.js';
import { needs } from '../../middleware/needs.js';
import { invokNotFound, invokRef, isOwn } from './invok-ref.js';

export interface InvokLogsDeps {
  registry: Pick<Registry, 'find'>;
  logs: Logs;
  stopping: AbortSignal;
  events: EventStreamOptions;
}

/** The most streams open at once: each keeps a connection and as much memory as its buffer may hold. */
const MAX_FOLLOWERS = 100;

export function invokLogsRoutes({ registry, logs, stopping, events }: InvokLogsDeps): Router {
  const router = new Router({ sensitive: true, strict: true });
  let followers = 0;

  router.get('/invok/logs/:namespace/:name', needs('viewer'), (ctx) => {
    const ref = invokRef(ctx.params['namespace'] ?? '', ctx.params['name'] ?? '');
    // It depends on the namespace alone, so it does not tell whether the function is there.
    if (!isOwn(ctx, ref))
      throw new GlambdarError('FORBIDDEN', 'Forbidden: you can only read the logs of your own functions');
    if (followers >= MAX_FOLLOWERS)
      throw new GlambdarError(
        'AT_CAPACITY',
        `${MAX_FOLLOWERS} streams of logs are open already; close one, or try again later.`,
        { retryAfterSeconds: 5 },
      );
    if (registry.find(ref) === undefined) throw invokNotFound(ref);
    ctx.respond = false;
    const stream = new EventStream(ctx.res, events);
    const unfollow = logs.follow(ref, ({ stdout, stderr }) => {
      for (const text of [stdout, stderr]) for (const line of linesOf(text)) stream.sendLine(line);
    });
    followers += 1;
    const stop = (): void => stream.end('end', 'the server is stopping');
    stopping.addEventListener('abort', stop);
    ctx.res.once('close', () => {
      stopping.removeEventListener('abort', stop);
      followers -= 1;
      unfollow();
    });
    stream.sendLine('Connected to container logs');
    if (ctx.method === 'HEAD' || stopping.aborted) stop();
  });

  return router;
}

/** The lines of what was printed, without an empty one after the last line end. */
function linesOf(text: string): string[] {
  const lines = text.split('\n');
  if (lines.at(-1) === '') lines.pop();
  return lines;
}
