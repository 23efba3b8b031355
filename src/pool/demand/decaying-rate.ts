/** Owns one estimate: how many events there are a second, recent events counting most. */

/** An exponentially weighted rate: an event counts 1/τ at first and e⁻¹ of it after τ seconds. Its mean is the true rate. */
export class DecayingRate {
  readonly #seconds: number;
  #value = 0;
  #atMs = 0;

  /** @param seconds τ, the time constant of the estimate */
  constructor(seconds: number) {
    this.#seconds = seconds;
  }

  /** @param nowMs monotonic milliseconds */
  add(nowMs: number): void {
    this.#value = this.perSecond(nowMs) + 1 / this.#seconds;
    this.#atMs = nowMs;
  }

  perSecond(nowMs: number): number {
    return this.#value * Math.exp(-Math.max(0, nowMs - this.#atMs) / 1000 / this.#seconds);
  }
}
