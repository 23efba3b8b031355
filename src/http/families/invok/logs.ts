/** Owns `/invok/logs/:namespace/:name`: the lines that a function prints from now on, as a stream of events. */
import Router from '@koa/router';
import { GlambdarError } from '../../../errors.js';
import type { InvocationView, Logs } from '../../../invocation/logs.js';
import type { Registry } from '../../../registry/registry.js';
import type { EventStream } from '../../answers/event-stream.js';
import { FUNCTION_DELETED, type LogStreams } from '../../answers/log-streams.js';
import { needs } from '../../middleware/needs.js';
import { invokNotFound, invokRef, isOwn } from './invok-ref.js';

export interface InvokLogsDeps {
  registry: Pick<Registry, 'find'>;
  logs: Logs;
  streams: LogStreams;
}

export function invokLogsRoutes({ registry, logs, streams }: InvokLogsDeps): Router {
  const router = new Router({ sensitive: true, strict: true });

  router.get('/invok/logs/:namespace/:name', needs('viewer'), (ctx) => {
    const ref = invokRef(ctx.params['namespace'] ?? '', ctx.params['name'] ?? '');
    // It depends on the namespace alone, so it does not tell whether the function is there.
    if (!isOwn(ctx, ref))
      throw new GlambdarError('FORBIDDEN', 'Forbidden: you can only read the logs of your own functions');
    if (registry.find(ref) === undefined) throw invokNotFound(ref);
    const giveBack = streams.take();
    let unfollow = (): void => undefined;
    const begin = (stream: EventStream): void => {
      const send = ({ stdout, stderr }: InvocationView): void => {
        for (const text of [stdout, stderr]) for (const line of linesOf(text)) stream.sendLine(line);
      };
      unfollow = logs.follow(ref, send, () => stream.end('end', FUNCTION_DELETED));
      stream.sendLine('Connected to container logs');
    };
    streams.open(ctx, begin, () => {
      unfollow();
      giveBack();
    });
  });

  return router;
}

/** The lines of what was printed, without an empty one after the last line end. */
function linesOf(text: string): string[] {
  const lines = text.split('\n');
  if (lines.at(-1) === '') lines.pop();
  return lines;
}
