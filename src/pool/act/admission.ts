/** Owns who is let in to wait: not while the server stops or the driver is away, and no more than can be served in time. */
import type { GlambdarError } from '../../errors.js';
import type { Queue } from '../decide/queue.js';
import { atCapacity, driverUnavailable, stopping, waitedTooLong } from './refusal.js';
import type { SchedulerLimits } from '../decide/scheduler.js';

export interface PoolLimits extends SchedulerLimits {
  /** Requests waiting beyond those an instance is on its way for. */
  maxWaiting: number;
}

export interface AdmissionOptions {
  queue: Queue;
  available: () => boolean;
  limits: PoolLimits;
  queueTimeoutMs: number;
}

export class Admission {
  readonly #options: AdmissionOptions;
  #closed = false;
  /** Of those in the queue: they have a claim on an instance on its way, or may wait beyond the limit. */
  provided = 0;

  constructor(options: AdmissionOptions) {
    this.#options = options;
  }

  get closed(): boolean {
    return this.#closed;
  }

  close(): void {
    this.#closed = true;
  }

  /** Throws STOPPING, or DRIVER_UNAVAILABLE. */
  assertOpen(): void {
    if (this.#closed) throw stopping();
    if (!this.#options.available()) throw driverUnavailable();
  }

  /** Whether one more request of this flow may wait. */
  admits(flow: string): boolean {
    const { queue, queueTimeoutMs } = this.#options;
    const { maxWaiting } = this.#options.limits;
    const limits = { maxWaiting: maxWaiting + this.provided, maxWaitMs: queueTimeoutMs };
    return queue.admits(flow, performance.now(), limits);
  }

  /** The error of one that may not. */
  refusal(flow: string): GlambdarError {
    return atCapacity(this.#options.queue.retryAfterSeconds(flow, performance.now()));
  }

  /** The error of one whose time is up. */
  late(flow: string): GlambdarError {
    const { queue, queueTimeoutMs } = this.#options;
    return waitedTooLong(queueTimeoutMs, queue.retryAfterSeconds(flow, performance.now()));
  }
}
