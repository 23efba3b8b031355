/**
 * Owns what is known of one function's calls: how often they come, how many at once, after which pauses; and from these,
 * how many instances of the function should be ready. The knowledge survives redeploys. No clock of its own.
 */
import { erlangB, readyFor } from '../decide/sizing.js';
import type { Workload } from '../workload.js';
import { BackOff } from './back-off.js';
import { DecayingRate } from './decaying-rate.js';
import { Ewma } from '../../ewma.js';

/** Shorter pauses lie within a burst and say nothing of how long a function stays unused. */
const PAUSE_MS = 1_000;
/** The most pauses remembered, and how many are needed before they are used. */
const PAUSES = 200;
const PAUSES_NEEDED = 10;
/** Bounds of the keep-alive window; one minute is the grain of the published traces (Shahrad et al., ATC 2020). */
const SHORTEST_WINDOW_MS = 60_000;
const LONGEST_WINDOW_MS = 4 * 3_600_000;
/** A deploy does not count as a use: the instance it left loaded is kept this long, for its author's first call. */
const DEPLOY_GRACE_MS = 120_000;
/** The time constants of the two rates. */
const FAST_SECONDS = 10;
const SLOW_SECONDS = 300;
/** The time constant with which a burst is forgotten, and the largest burst that is counted, in calls. */
const BURST_SECONDS = 300;
const MOST_BURST = 256;
/** The first and the longest pause of loading ahead after failures. */
const FIRST_PAUSE_MS = 2_000;
const LONGEST_PAUSE_MS = 300_000;
/** Weight of the latest measurement of how long an instance is away. */
const AWAY_WEIGHT = 0.2;
/** Calls shorter than this are taken to need a core for all of the time they run. */
const SHORT_CALL_MS = 5;
/** Calls shorter than this wait for next to nothing while they run: as many at once as there are cores keep these busy. */
const BRIEF_CALL_MS = 1;
/**
 * Short calls take longer while several of them share a core, and longest while containers start beside them. Without a
 * margin the calls of 32 clients counted as long at such a moment; then an instance was started for every client, which
 * made the calls longer still, and halved their rate for seconds.
 */
const LONG_CALL_MS = 4 * SHORT_CALL_MS;
/**
 * Weight of the latest call in the mean that tells whether short calls have become long for good: that of about the last fifty
 * calls. One stall of the machine or of this server makes all calls under way long at once, and is no reason to start instances.
 */
const LASTING_WEIGHT = 0.02;

export class Demand {
  workload: Workload;
  /** When loads of this function ahead of calls may go on after failures. */
  readonly loading = new BackOff(FIRST_PAUSE_MS, LONGEST_PAUSE_MS);
  readonly #fast = new DecayingRate(FAST_SECONDS);
  readonly #slow = new DecayingRate(SLOW_SECONDS);
  /** How long an instance is away after it was taken, in milliseconds. */
  readonly #away = new Ewma(AWAY_WEIGHT);
  /** The mean length of the calls since they count as short, in milliseconds; null while they do not. */
  #short: Ewma | null = null;
  /** The last call known of, and the last call since this server has started, in monotonic milliseconds. */
  #lastAt: number;
  #lastCallAt = -Infinity;
  #deployedAt: number;
  #pauses: number[] = [];
  #windowMs: number;
  #arrivals: number[] = [];
  #burst = 0;
  #burstAt = 0;

  /**
   * @param lastAt when the function was last called, monotonic milliseconds; -Infinity: never
   * @param deployedAt when the function was deployed; -Infinity: before this server has started
   */
  constructor(workload: Workload, keepAliveMs: number, lastAt: number, deployedAt = -Infinity) {
    this.workload = workload;
    this.#windowMs = keepAliveMs;
    this.#lastAt = lastAt;
    this.#deployedAt = deployedAt;
  }

  /** Replaces the version or the settings and keeps what is known of the calls. Parameters as for the constructor. */
  replace(workload: Workload, lastAt: number, deployedAt = -Infinity): void {
    if (workload.code.key !== this.workload.code.key) this.loading.reset();
    this.workload = workload;
    this.#lastAt = Math.max(this.#lastAt, lastAt);
    this.#deployedAt = Math.max(this.#deployedAt, deployedAt);
  }

  /** A call came. @param awayMs how long an instance is away, used until it was measured */
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
    const since = now - (this.#away.value ?? awayMs);
    while (this.#arrivals.length >= MOST_BURST || this.#arrivals[0]! < since) this.#arrivals.shift();
    this.#arrivals.push(now);
    if (this.#arrivals.length >= this.burst(now)) {
      this.#burst = this.#arrivals.length;
      this.#burstAt = now;
    }
  }

  /** An instance that a call took is back, or has been replaced, after so many milliseconds. */
  wasAway(ms: number): void {
    this.#away.add(ms);
    this.#short?.add(ms);
    const usual = this.#away.value!;
    if (this.#short === null) {
      if (usual < SHORT_CALL_MS) this.#short = new Ewma(LASTING_WEIGHT, usual);
    } else if (this.#short.value! >= LONG_CALL_MS) this.#short = null;
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

  /** How long after its last call the function counts as in use: the 99th percentile of its pauses, once enough are known. */
  windowMs(): number {
    return this.#windowMs;
  }

  /** Whether calls are to be expected: the function was called within its window, or deployed a moment ago. */
  inUse(now: number): boolean {
    return this.#isCalled(now) || now - this.#deployedAt < DEPLOY_GRACE_MS;
  }

  /** Whether nobody has called the function within its window, though it may have been deployed a moment ago. */
  isUncalled(now: number): boolean {
    return !this.#isCalled(now);
  }

  /** Whether a call of the function came within the last so many milliseconds. */
  calledWithin(ms: number, now: number): boolean {
    return now - this.#lastCallAt < ms;
  }

  /**
   * How many ready instances the function should be brought to now: none for a while after loading ahead has failed, and
   * none for a function that nobody has called. Parameters as for `wanted`.
   */
  target(now: number, awayMs: number, most: number): number {
    if (!this.loading.allows(now)) return 0;
    if (this.workload.standby === null && this.isUncalled(now)) return 0;
    return this.wanted(now, awayMs, most);
  }

  /**
   * How many instances should be ready: without reuse only those never called count, with reuse all.
   * @param awayMs how long an instance is away, used until it was measured  @param most upper bound of the result
   */
  wanted(now: number, awayMs: number, most: number): number {
    const { standby } = this.workload;
    if (standby !== null) return Math.min(standby, most);
    if (!this.inUse(now)) return 0;
    if (this.isUncalled(now)) return Math.min(1, most);
    const awaySeconds = (this.#away.value ?? awayMs) / 1000;
    return readyFor({ rate: this.rate(now), awaySeconds, burst: this.burst(now) - 0.5 }, most);
  }

  /** How long the calls are that run in reused instances; "long" when that is not known, or instances are not reused. */
  length(): 'brief' | 'short' | 'long' {
    if (!this.workload.reuse || this.#short === null) return 'long';
    return this.#short.value! < BRIEF_CALL_MS ? 'brief' : 'short';
  }

  /** Calls per second that need the n-th ready instance (n ≥ 1) because the n − 1 before it are taken. */
  rateOf(n: number, now: number, awayMs: number): number {
    const rate = Math.max(this.rate(now), 1000 / this.windowMs());
    return rate * erlangB(n - 1, (rate * (this.#away.value ?? awayMs)) / 1000);
  }

  #isCalled(now: number): boolean {
    return now - this.#lastAt < this.windowMs();
  }
}

function windowOf(pauses: readonly number[]): number {
  const sorted = [...pauses].sort((a, b) => a - b);
  const percentile = sorted[Math.ceil(0.99 * sorted.length) - 1]!;
  return Math.min(LONGEST_WINDOW_MS, Math.max(SHORTEST_WINDOW_MS, percentile));
}
