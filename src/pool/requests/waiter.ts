/** Owns one request that waits for an instance: its clock, its deadline, its tree, its settling. */
import type { Clock } from '../../clock.js';
import type { TreeStock } from '../act/tree-stock.js';
import type { Workload } from '../workload.js';

export interface PoolRequest {
  workload: Workload;
  /**
   * The load check of a deploy: it waits in a flow of its own and is never refused for want of room, because an
   * overloaded server must take better code. Its instance is loaded and not begun.
   */
  check?: boolean;
  signal: AbortSignal;
}

/** Where the time went before a call could be sent, in milliseconds. */
export interface AcquireTimes {
  queueMs: number;
  startMs: number;
  loadMs: number;
}

export interface WaiterOptions {
  request: PoolRequest;
  clock: Clock;
  trees: TreeStock;
  queueTimeoutMs: number;
  /** The error when that has passed. */
  late: () => Error;
  onGone: () => void;
}

export class Waiter<T> {
  readonly request: PoolRequest;
  readonly promise: Promise<T>;
  readonly arrivedAt: number;
  /** Called when it ends of its own: its deadline has passed, or its caller has gone. */
  onGone: () => void;
  /** The instance on its way that will serve it, as of the last look; null while none is. */
  claim: string | null = null;
  /** Starts it had a claim on that failed. */
  failedStarts = 0;
  #settled = false;
  #resolve!: (value: T) => void;
  #reject!: (error: unknown) => void;
  #trees: TreeStock;
  #tree: Promise<string> | null = null;
  #stopClock: (() => void) | null;
  #onAbort = (): void => this.#leave(this.request.signal.reason);

  constructor({ request, clock, trees, queueTimeoutMs, late, onGone }: WaiterOptions) {
    this.request = request;
    this.arrivedAt = clock.now();
    this.onGone = onGone;
    this.#trees = trees;
    this.promise = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    request.signal.addEventListener('abort', this.#onAbort, { once: true });
    this.#stopClock = clock.after(queueTimeoutMs, () => this.#leave(late()));
  }

  /** Begins to prepare the tree, once: while a container starts there is time for it. Resolves with its path. */
  tree(): Promise<string> {
    this.#tree ??= this.#trees.take(this.request.workload.code);
    return this.#tree;
  }

  /** It has got an instance: the deadline no longer applies, the outcome is still open. */
  stopWaiting(): void {
    this.#stopClock?.();
    this.#stopClock = null;
  }

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

  #leave(error: unknown): void {
    this.reject(error);
    this.onGone();
  }

  #settle(): void {
    this.#settled = true;
    this.stopWaiting();
    this.request.signal.removeEventListener('abort', this.#onAbort);
    // After a load the tree lies in the slot; otherwise it is as good as new.
    void this.#tree?.then(
      (dir) => this.#trees.giveBack(this.request.workload.code.key, dir),
      () => undefined,
    );
  }
}
