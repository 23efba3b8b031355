/** Owns one request that waits for an instance: which workload it is for, and the tree of code prepared for it. */
import type { LogSink } from '../../model/call/execution.js';
import { Waiter, type WaiterOptions } from '../../turns/waiter.js';
import type { Lease } from '../act/lease.js';
import type { TreeStock } from '../act/tree-stock.js';
import type { Workload } from '../workload.js';

/** The flow that all load checks of deploys share: together they get the turns of one function. */
export const CHECKS = '\0load checks';

export interface PoolRequest {
  workload: Workload;
  /**
   * The load check of a deploy: it waits in a flow of its own and is never refused for want of room, because an
   * overloaded server must take better code. Its instance is loaded and not begun.
   */
  check?: boolean;
  signal: AbortSignal;
  /** Whether the call may be sent to a worker that still runs another: its body is small. */
  mayGoAhead?: boolean;
  /** When the call came, if a worker has given it back, monotonic milliseconds. It was admitted then. */
  waitingSince?: number | undefined;
  /** Receives what the module, and its container, printed when loading the code for this request has failed. */
  failedLoadOutput?: LogSink;
}

export interface InstanceWaiterOptions extends WaiterOptions {
  request: PoolRequest;
  trees: TreeStock;
}

export class InstanceWaiter extends Waiter<Lease> {
  readonly request: PoolRequest;
  readonly #trees: TreeStock;
  #tree: Promise<string> | null = null;

  constructor(options: InstanceWaiterOptions) {
    // Handed on as they are: under many connections most calls wait, and each copy of the options would cost every one of them.
    super(options, () => this.#giveTreeBack());
    this.request = options.request;
    this.#trees = options.trees;
  }

  /** Prepares the tree of the request's code, once, while the container starts. Resolves with the tree's path. */
  tree(): Promise<string> {
    this.#tree ??= this.#trees.take(this.request.workload.code);
    return this.#tree;
  }

  /** After a load the tree lies in the slot, and giving it back does nothing; otherwise it is used by another request. */
  #giveTreeBack(): void {
    void this.#tree?.then(
      (dir) => this.#trees.giveBack(this.request.workload.code.key, dir),
      () => undefined,
    );
  }
}
