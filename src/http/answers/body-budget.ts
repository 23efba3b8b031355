/**
 * Owns the bound on the memory of all bodies together: bodies of requests from their arrival until their call is over,
 * and answers from the moment they are written until they have left, unless the connection takes them at once.
 */
import type { ServerResponse } from 'node:http';
import { GlambdarError } from '../../errors.js';
import { onAnswerEnd } from '../connections/answer-end.js';

/** Size of answer that an idle connection takes at once: most of the bytes go to the kernel, few wait in this process. */
const AT_ONCE_BYTES = 64 * 1024;

/** One flow (a function, or the logs) may hold at most this many times the free bytes, so that other flows always find room. */
const SHARE_OF_FREE = 2;

export class BodyBudget {
  readonly #maxBytes: number;
  readonly #byFlow = new Map<string, number>();
  #usedBytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Bytes in use. */
  get usedBytes(): number {
    return this.#usedBytes;
  }

  /** Counts bytes that this flow now holds. Throws AT_CAPACITY, counting nothing, when there is no room for them. */
  take(bytes: number, flow: string): void {
    const own = (this.#byFlow.get(flow) ?? 0) + bytes;
    const free = this.#maxBytes - this.#usedBytes;
    if (bytes > free || own > SHARE_OF_FREE * free)
      throw new GlambdarError(
        'AT_CAPACITY',
        'The server holds as many bytes of bodies as it may; try again in a moment.',
        { retryAfterSeconds: 1 },
      );
    this.#usedBytes += bytes;
    this.#byFlow.set(flow, own);
  }

  /** Gives taken bytes back. */
  give(bytes: number, flow: string): void {
    if (bytes === 0) return;
    this.#usedBytes -= bytes;
    const left = (this.#byFlow.get(flow) ?? 0) - bytes;
    if (left > 0) this.#byFlow.set(flow, left);
    else this.#byFlow.delete(flow);
  }
}

const nothing = (): void => undefined;

/**
 * Counts an answer that its connection does not take at once, because it is large or other answers wait before it, until
 * the client has read it or has gone. To be called before the answer is written. Throws AT_CAPACITY.
 * @returns a function that gives the bytes back earlier; may be called more than once
 */
export function holdUntilWritten(
  res: ServerResponse,
  bodies: BodyBudget,
  bytes: number,
  flow: string,
): () => void {
  if (bytes === 0 || (bytes <= AT_ONCE_BYTES && hasFreeConnection(res))) return nothing;
  bodies.take(bytes, flow);
  let held = bytes;
  const release = (): void => {
    bodies.give(held, flow);
    held = 0;
  };
  if (res.closed) release();
  else onAnswerEnd(res, release);
  return release;
}

/** Whether no bytes wait to be sent before this answer. A response has no socket while an earlier request is being answered. */
function hasFreeConnection({ socket }: ServerResponse): boolean {
  return socket !== null && socket.writableLength === 0;
}
