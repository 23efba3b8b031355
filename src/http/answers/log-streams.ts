/** Owns which streams of logs are open, of every family together: how many there may be, and what ends each of them. */
import type { Context } from 'koa';
import { GlambdarError } from '../../errors.js';
import { onSenderLost } from '../requests/principal.js';
import { EventStream, type EventStreamOptions } from './event-stream.js';

/** The most streams open at once: each keeps a connection and as much memory as its buffer may hold. */
const MAX_STREAMS = 100;

/** The reason that the stream of a function's calls ends with when the function is deleted. */
export const FUNCTION_DELETED = 'the function was deleted';

export class LogStreams {
  readonly #stopping: AbortSignal;
  readonly #options: EventStreamOptions;
  #taken = 0;

  /** @param stopping ends every stream */
  constructor(stopping: AbortSignal, options: EventStreamOptions) {
    this.#stopping = stopping;
    this.#options = options;
  }

  /** Takes a place for a stream, or throws AT_CAPACITY. The returned function, to be called once, gives it back. */
  take(): () => void {
    if (this.#taken >= MAX_STREAMS)
      throw new GlambdarError(
        'AT_CAPACITY',
        `${MAX_STREAMS} streams of logs are open already; close one, or try again later.`,
        { retryAfterSeconds: 5 },
      );
    this.#taken += 1;
    return () => void (this.#taken -= 1);
  }

  /**
   * Answers with a stream, which lives until the reader leaves or is too slow, the sender may no longer read it, or the
   * server stops.
   * @param begin sends what the stream begins with
   * @param closed called once when the stream is over
   */
  open(ctx: Context, begin: (stream: EventStream) => void, closed: () => void): void {
    ctx.respond = false;
    const stream = new EventStream(ctx.res, this.#options);
    const stop = (): void => stream.end('end', 'the server is stopping');
    this.#stopping.addEventListener('abort', stop);
    const unwatch = onSenderLost(ctx, () => stream.end('end', 'the token or key of this stream is over'));
    ctx.res.once('close', () => {
      this.#stopping.removeEventListener('abort', stop);
      unwatch();
      closed();
    });
    begin(stream);
    // The server may have stopped before the stream was made.
    if (this.#stopping.aborted) stop();
    if (ctx.method === 'HEAD') stream.end('end', '');
  }
}
