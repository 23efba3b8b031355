/** Owns when a failed operation may be tried again: after a pause that doubles with every further failure. */

export class BackOff {
  readonly #firstMs: number;
  readonly #longestMs: number;
  #failures = 0;
  #notBefore = -Infinity;

  /** @param firstMs the pause after the first failure */
  constructor(firstMs: number, longestMs: number) {
    this.#firstMs = firstMs;
    this.#longestMs = longestMs;
  }

  /** Counts a failure. Failures during a pause have the same cause and do not count. @param now monotonic milliseconds */
  failed(now: number): void {
    if (!this.allows(now)) return;
    this.#notBefore = now + Math.min(this.#longestMs, this.#firstMs * 2 ** this.#failures);
    this.#failures += 1;
  }

  /** Ends the pause and forgets the failures, after a success or when the cause of the failures is gone. */
  reset(): void {
    this.#failures = 0;
    this.#notBefore = -Infinity;
  }

  /** Later failures start with the first pause again; a pause under way goes on. */
  worked(): void {
    this.#failures = 0;
  }

  /** Pauses for this long, without a failure. */
  pause(now: number, ms: number): void {
    this.#notBefore = Math.max(this.#notBefore, now + ms);
  }

  allows(now: number): boolean {
    return now >= this.#notBefore;
  }
}
