/** Owns the worth of each kept instance compared with the others; an instance that is no longer used loses worth over time. */

const MIB = 1024 * 1024;

/**
 * Greedy-Dual-Size-Frequency (Cherkasova 1998): the entry of least worth is evicted first. Worth = the clock at the last
 * use + frequency × cost / size; the clock is the worth of the last evicted entry. Keys are code keys or profile keys.
 */
export class GreedyDual {
  #clock = 0;
  readonly #credits = new Map<string, number>();

  /** An instance with this key was used. */
  used(key: string): void {
    this.#credits.set(key, this.#clock);
  }

  /** @param ratePerSecond calls that need the instance  @param costMs milliseconds each of these calls saves by it */
  worth(key: string, ratePerSecond: number, costMs: number, bytes: number): number {
    return (this.#credits.get(key) ?? 0) + (ratePerSecond * costMs) / Math.max(1, bytes / MIB);
  }

  /** An instance of this worth was evicted. */
  evicted(worth: number): void {
    if (Number.isFinite(worth)) this.#clock = Math.max(this.#clock, worth);
  }

  forget(key: string): void {
    this.#credits.delete(key);
  }
}
