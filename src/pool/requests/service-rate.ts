/** Owns one estimate: how much time passes between two who are served while others wait. */
import { Ewma } from '../demand/ewma.js';

/** The first guess, a small machine's, until something was measured: two starts at once, each taking 150 ms. */
const FIRST_GUESS_MS = 75;
const SMOOTHING = 0.1;

export class ServiceRate {
  readonly #interval = new Ewma(SMOOTHING, FIRST_GUESS_MS);
  /** When the last one was served with others left waiting; null while nobody waits. */
  #lastAt: number | null = null;

  /** @param now monotonic milliseconds  @param moreWait whether others still wait */
  served(now: number, moreWait: boolean): void {
    if (this.#lastAt !== null) this.#interval.add(now - this.#lastAt);
    this.#lastAt = moreWait ? now : null;
  }

  /** Milliseconds between two; when nobody has been served for longer than that, as long as it has been. */
  intervalMs(now: number): number {
    return Math.max(this.#interval.value!, this.#lastAt === null ? 0 : now - this.#lastAt);
  }
}
