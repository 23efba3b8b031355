/** Owns one estimate: the typical size of something that is measured again and again, the recent measurements counting most. */

/** An exponentially weighted moving average. */
export class Ewma {
  readonly #weight: number;
  #value: number | null;

  /**
   * @param weight of a new measurement, 0–1  @param firstGuess until something was measured; without one the first
   *   measurement is taken as it is
   */
  constructor(weight: number, firstGuess: number | null = null) {
    this.#weight = weight;
    this.#value = firstGuess;
  }

  /** null while nothing was measured and nothing guessed. */
  get value(): number | null {
    return this.#value;
  }

  add(measured: number): void {
    this.#value = this.#value === null ? measured : this.#value + this.#weight * (measured - this.#value);
  }
}
