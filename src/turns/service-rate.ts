/** Owns one estimate: how much time passes from one request being served to the next, while requests wait. */
import { Ewma } from '../ewma.js';

/** The estimate before any measurement, that of a small machine: two starts at once, each taking 150 ms. */
const FIRST_GUESS_MS = 75;
const SMOOTHING = 0.1;

export class ServiceRate {
  readonly #interval = new Ewma(SMOOTHING, FIRST_GUESS_MS);
  /** When a request was last served with others left waiting; null while none waits. */
  #lastAt: number | null = null;

  /** @param now monotonic milliseconds  @param moreWait whether others still wait */
  served(now: number, moreWait: boolean): void {
    if (this.#lastAt !== null) this.#interval.add(now - this.#lastAt);
    this.#lastAt = moreWait ? now : null;
  }

  /** Milliseconds from one served request to the next; when the last was served longer ago than usual, the time since then. */
  intervalMs(now: number): number {
    return Math.max(this.#interval.value!, this.#lastAt === null ? 0 : now - this.#lastAt);
  }
}
