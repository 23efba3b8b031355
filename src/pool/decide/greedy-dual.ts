/** Owns what something that is kept is worth, compared with everything else that is kept: what is no longer used grows old. */

const MIB = 1024 * 1024;

/**
 * Greedy-Dual-Size-Frequency (Cherkasova 1998): what goes first when room is needed. Worth = the clock at the last use
 * + frequency × cost / size; the clock is the worth of what went last.
 */
export class GreedyDual {
  #clock = 0;
  readonly #credits = new Map<string, number>();

  /** Something of this key was used. */
  used(key: string): void {
    this.#credits.set(key, this.#clock);
  }

  /** @param ratePerSecond of the calls that need it  @param costMs what each of them saves by it */
  worth(key: string, ratePerSecond: number, costMs: number, bytes: number): number {
    return (this.#credits.get(key) ?? 0) + (ratePerSecond * costMs) / Math.max(1, bytes / MIB);
  }

  /** Something of this worth went. */
  evicted(worth: number): void {
    if (Number.isFinite(worth)) this.#clock = Math.max(this.#clock, worth);
  }

  forget(key: string): void {
    this.#credits.delete(key);
  }
}
