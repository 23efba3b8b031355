/**
 * Owns all instances: puts together the parts that know (`demand/`), decide (`decide/`) and act (`act/`), behind the
 * one interface that other folders use.
 */
import type { Clock } from '../clock.js';
import type { Profile } from '../model/function/profile.js';
import type { InstanceState } from '../instance/instance-state.js';
import type { Logger } from '../logger.js';
import { Dispatcher } from './act/dispatcher.js';
import { Fleet, type FleetOptions } from './act/fleet.js';
import { IdleWatch } from './act/idle-watch.js';
import type { Lease } from './act/lease.js';
import { Lull } from './act/lull.js';
import { MemoryLedger } from './act/memory-ledger.js';
import { TreeStock } from './act/tree-stock.js';
import { isIdle } from './decide/rank.js';
import { Demands } from './demand/demands.js';
import type { PoolLimits } from './decide/snapshot.js';
import { Queue } from '../turns/queue.js';
import { driverUnavailable } from '../model/call/refusal.js';
import type { InstanceWaiter, PoolRequest } from './requests/instance-waiter.js';
import type { Workload } from './workload.js';

export interface PoolOptions extends Omit<FleetOptions, 'lull'> {
  /** The pool's limits, read anew for every decision; and how many requests may wait without an instance on its way for them. */
  limits: PoolLimits & { readonly maxWaiting: number };
  /** The profile that always has standbys; it has at least `minStandby`. */
  defaultProfile: Profile;
  minStandby: number;
  /** Cores that calls may use: as many short calls of one function run at once as keep them busy. */
  cores: number;
  /** Memory that all idle instances together may take. */
  memoryBudgetBytes: number;
  /** Work no call waits for begins when calls have paused for `quietMs`, and after `mostMs` at the latest. */
  lull: { quietMs: number; mostMs: number };
  /** How long a worker that is ready gets for itself before code is loaded ahead of calls, in milliseconds. */
  settleMs: number;
  /** How long instances ready beyond the wanted number are kept, in milliseconds. */
  surplusMs: number;
  /** How long an idle reused instance is kept, and how long after its last call a function counts as in use. */
  keepAliveMs: number;
  loadTimeoutMs: number;
  queueTimeoutMs: number;
  clock: Clock;
  logger: Logger;
  /** Called when an instance is gone, so that there may be room for containers of others. */
  onRoom?: () => void;
  /** Called when an instance that a call took has been replaced, with the milliseconds that took. */
  onRefilled?: (ms: number) => void;
}

export interface PoolGauges {
  /** Requests that wait, and how long the first has waited, in milliseconds. */
  queueLength: number;
  queueAgeMs: number;
  /** Memory of all idle instances, measured where possible. */
  idleBytes: number;
  /** Containers begun per second, over about ten seconds. */
  createdPerSecond: number;
}

export class Pool {
  readonly #clock: Clock;
  readonly #fleet: Fleet;
  readonly #queue = new Queue<InstanceWaiter>();
  readonly #trees: TreeStock;
  readonly #ledger: MemoryLedger;
  readonly #demands: Demands;
  readonly #dispatcher: Dispatcher;
  readonly #watch: IdleWatch;
  readonly #lull: Lull;
  readonly #unwatch: () => void;
  #closing = false;

  constructor(options: PoolOptions) {
    const { driver, limits, runDir, withRoom, clock } = options;
    this.#clock = clock;
    this.#trees = new TreeStock(runDir, withRoom);
    const lull = new Lull({
      ...options.lull,
      clock: options.clock,
      hurry: () => this.#closing || this.#queue.length > 0,
    });
    this.#lull = lull;
    this.#fleet = new Fleet(
      { ...options, lull: () => lull.wait() },
      {
        onStopped: (instance) => {
          options.onRoom?.();
          this.#dispatcher.stopped(instance);
        },
        onLost: (instance) => this.#dispatcher.lost(instance),
        onTreeFree: (codeKey, dir) => this.#trees.giveBack(codeKey, dir),
      },
    );
    this.#ledger = new MemoryLedger((instances) => driver.usage(instances));
    this.#demands = new Demands({
      ...options,
      most: Math.max(1, limits.maxInstances >> 1),
      bytesOf: (key) => this.#ledger.typicalBytes(key),
    });
    const parts = {
      ...options,
      fleet: this.#fleet,
      trees: this.#trees,
      queue: this.#queue,
      demands: this.#demands,
      ledger: this.#ledger,
      lull,
      available: () => driver.health().available,
    };
    this.#dispatcher = new Dispatcher(parts);
    this.#watch = new IdleWatch({
      ...parts,
      onRestless: (instanceIds) => this.#dispatcher.stopRestless(instanceIds),
      onLooked: () => this.#dispatcher.poke(),
    });
    this.#unwatch = driver.onHealth(({ available }) => {
      if (available) this.#dispatcher.resume();
      else this.#queue.rejectAll(driverUnavailable());
    });
  }

  /** Begins to make instances ready ahead of calls; calls are served before that, too. */
  open(): void {
    this.#dispatcher.open();
  }

  /** Number of instances, in any state. */
  get size(): number {
    return this.#fleet.all.length;
  }

  /** The limits have changed: idle instances beyond them stop. */
  limitsChanged(): void {
    this.#dispatcher.pass();
  }

  /** Instances by state, for tests. */
  counts(): Record<InstanceState, number> {
    return this.#fleet.counts();
  }

  /** Whether several functions are being called: work that is not urgent should leave the cores to their calls. */
  severalCalled(): boolean {
    return this.#demands.severalCalled(this.#clock.now());
  }

  /** The pool's gauges, for the metrics. */
  gauges(): PoolGauges {
    return {
      queueLength: this.#queue.length,
      queueAgeMs: this.#queue.ageMs(this.#clock.now()),
      idleBytes: this.#ledger.sum(this.#fleet.all.filter(isIdle)),
      createdPerSecond: this.#fleet.createdPerSecond(),
    };
  }

  /**
   * Makes this workload the active version of its function.
   * @param unusedMs milliseconds since the function's last call; Infinity: it was never called
   * @param deployed the version has just been deployed, so its author's first call may come
   */
  activate(workload: Workload, unusedMs = 0, deployed = false): void {
    const now = this.#clock.now();
    this.#trees.want(workload.code.key);
    this.#demands.activate(workload, now - unusedMs, deployed ? now : -Infinity);
    this.#dispatcher.activated(workload.code.key);
  }

  /** No new request will ask for this code: its idle instances stop. Resolves when they are gone. */
  retire(codeKey: string): Promise<void> {
    return this.#dispatcher.retire(codeKey);
  }

  /**
   * Throws AT_CAPACITY when a new request of this flow would be refused, DRIVER_UNAVAILABLE while the driver is
   * unavailable, STOPPING while the server stops. For use before a body is read.
   */
  assertAdmits(flow: string): void {
    this.#dispatcher.assertAdmits(flow);
  }

  /**
   * An instance that has the code loaded, reserved for one call: at once when one is ready, else by a promise. Throws or
   * rejects with GlambdarError (AT_CAPACITY, DRIVER_UNAVAILABLE, STOPPING), LoadFailure (user code), LoadTimeout,
   * InstanceFailure (died while loading), or the signal's reason.
   */
  acquire(request: PoolRequest): Lease | Promise<Lease> {
    return this.#dispatcher.acquire(request);
  }

  /** Refuses new requests and rejects waiting ones; calls under way go on. */
  drain(): void {
    this.#closing = true;
    this.#lull.end();
    this.#watch.close();
    this.#dispatcher.drain();
  }

  /** Stops every instance; calls under way are rejected with STOPPING. */
  async destroy(): Promise<void> {
    this.drain();
    this.#unwatch();
    await this.#fleet.stopAll();
    await this.#trees.close();
  }
}
