/** Owns which requests may wait: none while the server stops or the driver is away, and no more than can be served in time. */
import type { Clock } from '../clock.js';
import type { GlambdarError } from '../errors.js';
import type { Queue } from './queue.js';
import { atCapacity, driverUnavailable, stopping, waitedTooLong } from '../model/call/refusal.js';

export interface WaitingRoomOptions {
  queue: Pick<Queue, 'admits' | 'retryAfterSeconds'>;
  available: () => boolean;
  /** How many requests may wait without a container on its way for them. */
  limits: { readonly maxWaiting: number };
  clock: Clock;
  queueTimeoutMs: number;
}

export class WaitingRoom {
  readonly #options: WaitingRoomOptions;
  #closed = false;
  /** Requests in the queue that do not count against its limit: a container is on its way for them, or they are load checks. */
  provided = 0;

  constructor(options: WaitingRoomOptions) {
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
    return queue.admits(flow, this.#options.clock.now(), limits);
  }

  /** The error of a request that may not wait. */
  refusal(flow: string): GlambdarError {
    return atCapacity(this.#options.queue.retryAfterSeconds(flow, this.#options.clock.now()));
  }

  /** The error of a request that has waited for as long as it may. */
  late(flow: string): GlambdarError {
    const { queue, queueTimeoutMs } = this.#options;
    return waitedTooLong(queueTimeoutMs, queue.retryAfterSeconds(flow, this.#options.clock.now()));
  }
}
