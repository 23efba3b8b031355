/**
 * Owns how fast refusals leave. A client that calls again as soon as it was refused would have the server refuse
 * thousands of times a second, taking cores that starting containers needs; so beyond a pace a refusal is held for a moment.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { GlambdarError, type ErrorCode } from '../../errors.js';

/** Codes of refusals for want of room: their clients are told to try again, and do. */
const refusals = new Set<ErrorCode>(['AT_CAPACITY', 'RATE_LIMITED', 'CONCURRENCY_LIMIT']);

export interface RefusalPaceOptions {
  /** Refusals per second that leave without a delay, on average; also the largest burst of them. */
  perSecond?: number;
  /** How long a refusal beyond the pace is held, in milliseconds. */
  holdMs?: number;
  /** Monotonic milliseconds. */
  now?: () => number;
  wait?: (ms: number) => Promise<unknown>;
}

export class RefusalPace {
  readonly #perSecond: number;
  readonly #holdMs: number;
  readonly #now: () => number;
  readonly #wait: (ms: number) => Promise<unknown>;
  #tokens: number;
  #filledAt: number;

  constructor({ perSecond = 200, holdMs = 30, now, wait }: RefusalPaceOptions = {}) {
    this.#perSecond = perSecond;
    this.#holdMs = holdMs;
    this.#now = now ?? (() => performance.now());
    this.#wait = wait ?? sleep;
    this.#tokens = perSecond;
    this.#filledAt = this.#now();
  }

  /** Resolves when this error may be sent: at once, unless it is a refusal beyond the pace. */
  async hold(error: unknown): Promise<void> {
    if (!(error instanceof GlambdarError) || !refusals.has(error.code)) return;
    const now = this.#now();
    const since = (now - this.#filledAt) / 1000;
    this.#tokens = Math.min(this.#perSecond, this.#tokens + since * this.#perSecond);
    this.#filledAt = now;
    if (this.#tokens >= 1) this.#tokens -= 1;
    else await this.#wait(this.#holdMs);
  }
}
