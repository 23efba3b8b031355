/** Owns one request that waits for a container: its deadline, its caller's departure, and its outcome, which is settled once. */
import type { Clock } from '../clock.js';
import { unwatchDeparture, watchDeparture, type Watcher } from '../model/call/departure.js';

export interface WaiterOptions {
  /** Aborts when the caller has gone. */
  signal: AbortSignal;
  clock: Clock;
  queueTimeoutMs: number;
  /** Makes the error of a request that has waited for `queueTimeoutMs`. */
  late: () => Error;
  onGone: () => void;
  /** When the request came, if it waits again, monotonic milliseconds; default: now. */
  arrivedAt?: number | undefined;
}

export class Waiter<T> implements Watcher {
  readonly promise: Promise<T>;
  readonly arrivedAt: number;
  /** Called when the request gives up: its deadline has passed, or its caller has gone. */
  onGone: () => void;
  /** Id of the starting or loading instance that will serve the request, as of the last decision; null while there is none. */
  claim: string | null = null;
  /** Failed starts of instances the request was to get. */
  failedStarts = 0;
  #settled = false;
  #resolve!: (value: T) => void;
  #reject!: (error: unknown) => void;
  #stopClock: (() => void) | null;
  readonly #signal: AbortSignal;
  readonly #onSettled: (() => void) | undefined;

  /** @param onSettled called once, when the outcome is known */
  constructor(options: WaiterOptions, onSettled?: () => void) {
    const { signal, clock, queueTimeoutMs, late, onGone } = options;
    const now = clock.now();
    this.arrivedAt = options.arrivedAt ?? now;
    this.onGone = onGone;
    this.#onSettled = onSettled;
    this.promise = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    this.#signal = signal;
    watchDeparture(signal, this);
    const waited = now - this.arrivedAt;
    this.#stopClock = clock.after(Math.max(0, queueTimeoutMs - waited), () => this.#leave(late()));
  }

  /** The request has got a container: the deadline no longer applies, the outcome is still open. */
  stopWaiting(): void {
    this.#stopClock?.();
    this.#stopClock = null;
  }

  /** False when the request was settled before. */
  resolve(value: T): boolean {
    if (this.#settled) return false;
    this.#settle();
    this.#resolve(value);
    return true;
  }

  reject(error: unknown): void {
    if (this.#settled) return;
    this.#settle();
    this.#reject(error);
  }

  departed(): void {
    this.#leave(this.#signal.reason);
  }

  #leave(error: unknown): void {
    this.reject(error);
    this.onGone();
  }

  #settle(): void {
    this.#settled = true;
    this.stopWaiting();
    unwatchDeparture(this.#signal, this);
    this.#onSettled?.();
  }
}
