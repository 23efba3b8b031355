/** Owns one request that waits for an instance: its deadline, its tree, and its outcome, which is settled once. */
import type { Clock } from '../../clock.js';
import type { LogSink } from '../../model/call/execution.js';
import { onDeparture } from '../departure.js';
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
  /** Receives what the module, and its container, printed when loading the code for this request has failed. */
  failedLoadOutput?: LogSink;
}

/** How a call's time was spent before it could be sent, in milliseconds. */
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
  /** Makes the error of a request that has waited for `queueTimeoutMs`. */
  late: () => Error;
  onGone: () => void;
}

export class Waiter<T> {
  readonly request: PoolRequest;
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
  #trees: TreeStock;
  #tree: Promise<string> | null = null;
  #stopClock: (() => void) | null;
  readonly #unwatch: () => void;

  constructor({ request, clock, trees, queueTimeoutMs, late, onGone }: WaiterOptions) {
    this.request = request;
    this.arrivedAt = clock.now();
    this.onGone = onGone;
    this.#trees = trees;
    this.promise = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    this.#unwatch = onDeparture(request.signal, () => this.#leave(request.signal.reason));
    this.#stopClock = clock.after(queueTimeoutMs, () => this.#leave(late()));
  }

  /** Prepares the tree of the request's code, once, while the container starts. Resolves with the tree's path. */
  tree(): Promise<string> {
    this.#tree ??= this.#trees.take(this.request.workload.code);
    return this.#tree;
  }

  /** The request has got an instance: the deadline no longer applies, the outcome is still open. */
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
    this.#unwatch();
    // After a load the tree lies in the slot, and giving it back does nothing; otherwise it is used by another request.
    void this.#tree?.then(
      (dir) => this.#trees.giveBack(this.request.workload.code.key, dir),
      () => undefined,
    );
  }
}
