/** Owns one estimate: the typical value of a repeated measurement, recent measurements counting most. */

/** An exponentially weighted moving average. */
export class Ewma {
  readonly #weight: number;
  #value: number | null;

  /**
   * @param weight weight of a new measurement, 0–1
   * @param firstGuess value before the first measurement; null: the first measurement is taken as it is
   */
  constructor(weight: number, firstGuess: number | null = null) {
    this.#weight = weight;
    this.#value = firstGuess;
  }

  /** The estimate; null before the first measurement when there was no first guess. */
  get value(): number | null {
    return this.#value;
  }

  add(measured: number): void {
    this.#value = this.#value === null ? measured : this.#value + this.#weight * (measured - this.#value);
  }
}
