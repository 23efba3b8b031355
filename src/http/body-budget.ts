/**
 * Owns the bound on what all bodies together hold in memory: those of requests from their arrival until their call is
 * over, large ones of answers, of calls and of the logs, until they are written.
 */
import type { ServerResponse } from 'node:http';
import { GlambdarError } from '../errors.js';

/** Answers up to this are not counted: a connection holds few of them. */
export const SMALL_ANSWER_BYTES = 64 * 1024;

/** One flow (a function, or the logs) may hold at most this many times what it leaves free, so that others always find room. */
const SHARE_OF_FREE = 2;

export class BodyBudget {
  readonly #maxBytes: number;
  readonly #byFlow = new Map<string, number>();
  #usedBytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** What is in use, in bytes. */
  get usedBytes(): number {
    return this.#usedBytes;
  }

  /** Counts bytes of this flow that are there now. Throws AT_CAPACITY when that is too much; nothing is counted then. */
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

  /** Gives back what was taken. */
  give(bytes: number, flow: string): void {
    if (bytes === 0) return;
    this.#usedBytes -= bytes;
    const left = (this.#byFlow.get(flow) ?? 0) - bytes;
    if (left > 0) this.#byFlow.set(flow, left);
    else this.#byFlow.delete(flow);
  }
}

/**
 * Counts an answer, if it is large, until its reader has it, or has gone. Throws AT_CAPACITY. The connection must be open.
 * @returns gives it back before that; may be called more than once
 */
export function holdUntilWritten(
  res: ServerResponse,
  bodies: BodyBudget,
  bytes: number,
  flow: string,
): () => void {
  let held = bytes > SMALL_ANSWER_BYTES ? bytes : 0;
  const release = (): void => {
    bodies.give(held, flow);
    held = 0;
  };
  if (held === 0) return release;
  bodies.take(held, flow);
  res.once('close', release);
  return release;
}
