/**
 * Owns what is known of one function's calls: how often, how many at once, after which pauses; and, from that, how many
 * instances of it should be ready. It survives redeploys. No clock of its own.
 */
import { DecayingRate } from './decaying-rate.js';
import { erlangB, readyFor } from './sizing.js';
import type { Workload } from '../act/workload.js';

/** Shorter pauses are the inside of a burst and say nothing of how long a function stays unused. */
const PAUSE_MS = 1_000;
/** Pauses remembered, and how many there must be before they are believed. */
const PAUSES = 200;
const PAUSES_NEEDED = 10;
/** Bounds of the keep-alive window; one minute is the grain of the published traces (Shahrad et al., ATC 2020). */
const SHORTEST_WINDOW_MS = 60_000;
const LONGEST_WINDOW_MS = 4 * 3_600_000;
/** The memories of the two rates. */
const FAST_SECONDS = 10;
const SLOW_SECONDS = 300;
/** How fast a burst is forgotten, and the largest that is told from a larger one. */
const BURST_SECONDS = 300;
const MOST_BURST = 256;
/** After loading ahead has failed n times it is tried again after 2ⁿ seconds. */
const LONGEST_BACK_OFF_MS = 300_000;

export class Demand {
  workload: Workload;
  readonly #fast = new DecayingRate(FAST_SECONDS);
  readonly #slow = new DecayingRate(SLOW_SECONDS);
  #lastAt: number;
  #pauses: number[] = [];
  #windowMs: number;
  #lastCallAt = -Infinity;
  #arrivals: number[] = [];
  #burst = 0;
  #burstAt = 0;
  /** Smoothed time an instance is away, in milliseconds. */
  #awayMs: number | null = null;
  #failures = 0;
  #notBefore = -Infinity;

  /** @param lastAt when it was last of use to somebody, monotonic milliseconds; a deploy counts */
  constructor(workload: Workload, keepAliveMs: number, lastAt: number) {
    this.workload = workload;
    this.#windowMs = keepAliveMs;
    this.#lastAt = lastAt;
  }

  /** A new version, or new settings: what is known of the calls stays. */
  replace(workload: Workload, now: number): void {
    if (workload.code.key !== this.workload.code.key) this.worked();
    this.workload = workload;
    this.#lastAt = now;
  }

  /** A call came. */
  arrived(now: number, awayMs: number): void {
    const pause = now - this.#lastAt;
    if (pause >= PAUSE_MS && pause < Infinity) {
      this.#pauses.push(pause);
      if (this.#pauses.length > PAUSES) this.#pauses.shift();
      if (this.#pauses.length >= PAUSES_NEEDED) this.#windowMs = windowOf(this.#pauses);
    }
    this.#lastAt = now;
    this.#lastCallAt = now;
    this.#fast.add(now);
    this.#slow.add(now);
    const since = now - (this.#awayMs ?? awayMs);
    while (this.#arrivals.length >= MOST_BURST || this.#arrivals[0]! < since) this.#arrivals.shift();
    this.#arrivals.push(now);
    if (this.#arrivals.length >= this.burst(now)) {
      this.#burst = this.#arrivals.length;
      this.#burstAt = now;
    }
  }

  /** An instance that was taken is back, or replaced. */
  wasAway(ms: number): void {
    this.#awayMs = this.#awayMs === null ? ms : this.#awayMs + 0.2 * (ms - this.#awayMs);
  }

  /** Loading ahead failed, or what was loaded did not stay alive and quiet. */
  failed(now: number): void {
    // Several that end together have one cause.
    if (now < this.#notBefore) return;
    this.#failures += 1;
    this.#notBefore = now + Math.min(LONGEST_BACK_OFF_MS, 1000 * 2 ** this.#failures);
  }

  worked(): void {
    this.#failures = 0;
    this.#notBefore = -Infinity;
  }

  /**
   * Calls per second: of the last ten seconds or the last five minutes, whichever is more. The last call itself does not
   * count among the last ten seconds: one call alone is no sign of another.
   */
  rate(now: number): number {
    const others =
      this.#fast.perSecond(now) - Math.exp((this.#lastCallAt - now) / 1000 / FAST_SECONDS) / FAST_SECONDS;
    return Math.max(others, this.#slow.perSecond(now));
  }

  /** The most calls that came while one instance was away, fading. */
  burst(now: number): number {
    return this.#burst * Math.exp(-(now - this.#burstAt) / 1000 / BURST_SECONDS);
  }

  /** How long after its last call it counts as in use: the 99th percentile of its own pauses, once enough are known. */
  windowMs(): number {
    return this.#windowMs;
  }

  inUse(now: number): boolean {
    return now - this.#lastAt < this.windowMs();
  }

  /** Whether a call of it came within the last so many milliseconds. */
  calledWithin(ms: number, now: number): boolean {
    return now - this.#lastCallAt < ms;
  }

  /** How many to make ready now; none for a while after that has failed. Parameters as for `wanted`. */
  target(now: number, awayMs: number, most: number): number {
    return now < this.#notBefore ? 0 : this.wanted(now, awayMs, most);
  }

  /**
   * How many instances should be ready now: never called ones, or with reuse all there are.
   * @param awayMs how long one is away where nothing is known yet  @param most never more than that
   */
  wanted(now: number, awayMs: number, most: number): number {
    const { standby } = this.workload;
    if (standby !== null) return Math.min(standby, most);
    if (!this.inUse(now)) return 0;
    const awaySeconds = (this.#awayMs ?? awayMs) / 1000;
    return readyFor({ rate: this.rate(now), awaySeconds, burst: this.burst(now) - 0.5 }, most);
  }

  /** Calls per second that need the n-th ready instance (n ≥ 1), because those before it are taken. */
  rateOf(n: number, now: number, awayMs: number): number {
    const rate = Math.max(this.rate(now), 1000 / this.windowMs());
    return rate * erlangB(n - 1, (rate * (this.#awayMs ?? awayMs)) / 1000);
  }
}

function windowOf(pauses: readonly number[]): number {
  const sorted = [...pauses].sort((a, b) => a - b);
  const percentile = sorted[Math.ceil(0.99 * sorted.length) - 1]!;
  return Math.min(LONGEST_WINDOW_MS, Math.max(SHORTEST_WINDOW_MS, percentile));
}
