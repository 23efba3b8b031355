/** Owns the requests that wait, in order of arrival behind those that go first: their places, failed starts held against them, how long it takes. */
import { GlambdarError } from '../errors.js';
import type { Lease } from './lease.js';
import { cannotStart } from './refusal.js';
import type { SchedulerLimits } from './scheduler.js';
import type { Waiter } from './waiter.js';

/** A start that failed is tried once more on another instance before the call is told. */
const START_ATTEMPTS = 2;

export class Queue {
  #waiters: Waiter<Lease>[] = [];
  #maxStarting: number;
  /** How long starts take, smoothed; the first guess is a small machine's. */
  #startMs = 150;

  constructor(maxStarting: number) {
    this.#maxStarting = maxStarting;
  }

  get length(): number {
    return this.#waiters.length;
  }

  /** A copy: serving one may take others out. */
  list(): Waiter<Lease>[] {
    return [...this.#waiters];
  }

  add(waiter: Waiter<Lease>): void {
    const { first } = waiter.request;
    const index = first ? this.#waiters.findIndex((other) => !other.request.first) : -1;
    this.#waiters.splice(index < 0 ? this.#waiters.length : index, 0, waiter);
  }

  /** The limits with room for those that go first beside as many others as ever: they crowd nobody out. */
  widened(limits: SchedulerLimits): SchedulerLimits {
    const first = this.#waiters.filter(({ request }) => request.first).length;
    return { ...limits, maxWaiting: limits.maxWaiting + first };
  }

  /** Takes one out, if it is still in. */
  drop(waiter: Waiter<Lease>): void {
    const index = this.#waiters.indexOf(waiter);
    if (index >= 0) this.#waiters.splice(index, 1);
  }

  rejectAll(error: GlambdarError): void {
    for (const waiter of this.#waiters.splice(0)) waiter.reject(error);
  }

  /** A start of this profile failed: the first who had one begun bears it, and is told when it was its last attempt. */
  startFailed(profileKey: string, error: unknown): void {
    const bearer = this.#waiters.find(
      (waiter) => waiter.profileKey === profileKey && waiter.startBegunAt !== null,
    );
    if (!bearer) return;
    bearer.failedStarts += 1;
    if (bearer.failedStarts < START_ATTEMPTS) return;
    this.drop(bearer);
    // One of ours says more, for instance that the disk is full.
    bearer.reject(error instanceof GlambdarError ? error : cannotStart(error));
  }

  startTook(ms: number): void {
    this.#startMs += 0.2 * (ms - this.#startMs);
  }

  /** The time the queue takes at the present pace of starts. */
  retryAfterSeconds(): number {
    const perSecond = (this.#maxStarting * 1000) / this.#startMs;
    return Math.max(1, Math.ceil(this.#waiters.length / perSecond));
  }
}
