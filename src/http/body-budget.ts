/** Owns the bound on what all request bodies together hold in memory, from their arrival until their call is over. */
import { GlambdarError } from '../errors.js';

export class BodyBudget {
  readonly #maxBytes: number;
  #usedBytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** What is in use, in bytes. */
  get usedBytes(): number {
    return this.#usedBytes;
  }

  /** Counts bytes that have arrived. Throws AT_CAPACITY when that is too much; nothing is counted then. */
  take(bytes: number): void {
    if (this.#usedBytes + bytes > this.#maxBytes)
      throw new GlambdarError(
        'AT_CAPACITY',
        'The server holds as many bytes of request bodies as it may; try again in a moment.',
        { retryAfterSeconds: 1 },
      );
    this.#usedBytes += bytes;
  }

  /** Gives back what was taken. */
  give(bytes: number): void {
    this.#usedBytes -= bytes;
  }
}
