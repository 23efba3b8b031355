/**
 * Owns slowing down whoever guesses: after some attempts each further one must wait longer than the one before. An attempt
 * counts from its beginning, so that guesses made at the same time are counted, too.
 */
import type { Clock } from '../clock.js';

export interface BrakesOptions {
  clock: Clock;
  /** Attempts without a wait. */
  free: number;
  /** The wait after the first attempt that is not free; each further one waits twice as long. */
  firstMs: number;
  mostMs: number;
  /** After so long without an attempt what was before is forgotten. */
  forgetMs: number;
  /** Subjects remembered at once; the one that tried the longest ago is forgotten first. */
  mostSubjects?: number;
}

interface Attempts {
  count: number;
  lastAt: number;
  /** No attempt before this time. */
  nextAt: number;
}

export class Brakes {
  readonly #options: BrakesOptions;
  /** In the order of their last attempts. */
  readonly #attempts = new Map<string, Attempts>();

  constructor(options: BrakesOptions) {
    this.#options = options;
  }

  /** How many subjects are remembered. */
  get size(): number {
    return this.#attempts.size;
  }

  /** How long the subject must wait before its next attempt, in milliseconds; 0: not at all. */
  waitMs(subject: string): number {
    const now = this.#options.clock.now();
    const attempts = this.#attempts.get(subject);
    return attempts === undefined || this.#isForgotten(attempts, now)
      ? 0
      : Math.max(0, attempts.nextAt - now);
  }

  /** Counts an attempt of the subject. */
  count(subject: string): void {
    const { clock, free, firstMs, mostMs, mostSubjects = 10_000 } = this.#options;
    const now = clock.now();
    const before = this.#attempts.get(subject);
    const count = 1 + (before === undefined || this.#isForgotten(before, now) ? 0 : before.count);
    const wait = count < free ? 0 : Math.min(mostMs, firstMs * 2 ** Math.min(count - free, 40));
    this.#attempts.delete(subject);
    this.#attempts.set(subject, { count, lastAt: now, nextAt: now + wait });
    for (const oldest of this.#attempts.keys()) {
      if (this.#attempts.size <= mostSubjects) break;
      this.#attempts.delete(oldest);
    }
  }

  /** Takes back one attempt of the subject, which was no guess. */
  uncount(subject: string): void {
    const attempts = this.#attempts.get(subject);
    if (attempts === undefined) return;
    attempts.count -= 1;
    attempts.nextAt = attempts.lastAt;
    if (attempts.count <= 0) this.#attempts.delete(subject);
  }

  /** Forgets the attempts of the subject: it has proved who it is. */
  forgive(subject: string): void {
    this.#attempts.delete(subject);
  }

  #isForgotten({ lastAt, nextAt }: Attempts, now: number): boolean {
    return now >= Math.max(nextAt, lastAt + this.#options.forgetMs);
  }
}
