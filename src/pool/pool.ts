/**
 * Owns all instances: puts the parts together that decide and act, and is what others ask. Requests are the
 * dispatcher's, having instances ready ahead of calls the replenisher's, the instances themselves the fleet's.
 */
import type { Profile } from '../model/profile.js';
import type { Logger } from '../logger.js';
import type { PoolLimits } from './act/admission.js';
import { Demands } from './decide/demands.js';
import { Dispatcher } from './act/dispatcher.js';
import { Fleet, type FleetOptions } from './act/fleet.js';
import { IdleBudget } from './act/idle-budget.js';
import type { InstanceState } from '../instance/instance-state.js';
import type { Lease } from './act/lease.js';
import { Lull } from './act/lull.js';
import { MemoryLedger } from './act/memory-ledger.js';
import { Queue } from './decide/queue.js';
import { driverUnavailable } from './act/refusal.js';
import { Replenisher } from './act/replenisher.js';
import { TreeStock } from './act/tree-stock.js';
import type { PoolRequest } from './act/waiter.js';
import type { Workload } from './act/workload.js';

export interface PoolOptions extends Omit<FleetOptions, 'lull'> {
  limits: PoolLimits;
  /** Starts at once while no call waits. */
  maxRefilling: number;
  /** The profile that always has standbys, and how many at least. */
  defaultProfile: Profile;
  minStandby: number;
  /** What all idle instances together may take. */
  memoryBudgetBytes: number;
  /** Work no call waits for begins when calls have paused for `quietMs`, and after `mostMs` at the latest. */
  lull: { quietMs: number; mostMs: number };
  /** How long a worker that is ready gets for itself before code is loaded ahead of calls. */
  settleMs: number;
  /** What is ready beyond what is wanted is kept this long. */
  surplusMs: number;
  loadTimeoutMs: number;
  queueTimeoutMs: number;
  logger: Logger;
  /** A function has again what a call took, after so many milliseconds. */
  onRefilled?: (ms: number) => void;
}

export interface PoolGauges {
  /** Requests that wait, and how long the first of them has. */
  queueLength: number;
  queueAgeMs: number;
  /** Measured memory of all idle instances. */
  idleBytes: number;
  /** Containers begun per second, over about ten seconds. */
  createdPerSecond: number;
}

export class Pool {
  readonly #fleet: Fleet;
  readonly #queue = new Queue();
  readonly #trees: TreeStock;
  readonly #demands: Demands;
  readonly #budget: IdleBudget;
  readonly #replenisher: Replenisher;
  readonly #dispatcher: Dispatcher;
  readonly #lull: Lull;
  readonly #unwatch: () => void;
  #closing = false;

  constructor(options: PoolOptions) {
    const { driver, limits, runDir, withRoom } = options;
    this.#trees = new TreeStock(runDir, withRoom);
    const lull = new Lull({ ...options.lull, hurry: () => this.#closing || this.#queue.length > 0 });
    this.#lull = lull;
    this.#fleet = new Fleet(
      { ...options, lull: () => lull.wait() },
      {
        onStopped: () => this.#dispatcher.pump(),
        onLost: (instance) => this.#replenisher.lost(instance, performance.now()),
        onTreeFree: (codeKey, dir) => this.#trees.giveBack(codeKey, dir),
      },
    );
    const ledger = new MemoryLedger((instances) => driver.usage(instances));
    this.#demands = new Demands({
      ...options,
      most: Math.max(1, limits.maxInstances >> 1),
      bytesOf: (key) => ledger.typicalBytes(key),
    });
    const parts = {
      ...options,
      fleet: this.#fleet,
      trees: this.#trees,
      queue: this.#queue,
      demands: this.#demands,
      lull,
      available: () => driver.health().available,
    };
    this.#budget = new IdleBudget({ ...parts, ledger });
    this.#replenisher = new Replenisher({
      ...parts,
      ledger,
      budget: this.#budget,
      start: (profile, intendedFor) => void this.#dispatcher.start(profile, intendedFor),
      onReady: () => this.#dispatcher.pump(),
    });
    this.#dispatcher = new Dispatcher({ ...parts, replenisher: this.#replenisher });
    this.#unwatch = driver.onHealth(({ available }) => {
      if (available) this.#replenisher.resume();
      else this.#queue.rejectAll(driverUnavailable());
    });
  }

  /** Begins to have standbys; calls are served before, too. */
  open(): void {
    this.#replenisher.open();
  }

  /** Instances by state, for tests. */
  counts(): Record<InstanceState, number> {
    return this.#fleet.counts();
  }

  /** Whether several functions are being called: what is not urgent should leave the cores to their calls. */
  severalCalled(): boolean {
    return this.#demands.severalCalled(performance.now());
  }

  /** What the metrics show. */
  gauges(): PoolGauges {
    return {
      queueLength: this.#queue.length,
      queueAgeMs: this.#queue.ageMs(performance.now()),
      idleBytes: this.#budget.usedBytes(),
      createdPerSecond: this.#fleet.createdPerSecond(),
    };
  }

  /** Calls to this workload are to be expected: it is the active version of a function. @param unusedMs since its last call */
  activate(workload: Workload, unusedMs = 0): void {
    this.#trees.want(workload.code.key);
    this.#demands.activate(workload, performance.now() - unusedMs);
    this.#replenisher.poke();
  }

  /** Nothing new will ask for this code: its idle instances stop. Resolves when they are gone. */
  async retire(codeKey: string): Promise<void> {
    this.#replenisher.retire(codeKey);
    const idle = this.#fleet.list().filter((i) => i.state === 'idle' && i.codeKey === codeKey);
    await Promise.all(idle.map((instance) => this.#fleet.stop(instance)));
  }

  /**
   * Throws AT_CAPACITY when a new request of this flow would be refused, DRIVER_UNAVAILABLE while the driver is,
   * STOPPING. For use before a body is read.
   */
  assertAdmits(flow: string): void {
    this.#dispatcher.assertAdmits(flow);
  }

  /**
   * An instance with the code loaded, reserved for one call. Rejects with GlambdarError (AT_CAPACITY,
   * DRIVER_UNAVAILABLE, STOPPING), LoadFailure (user code), InstanceFailure (died or stalled while loading), or the
   * signal's reason.
   */
  acquire(request: PoolRequest): Promise<Lease> {
    return this.#dispatcher.acquire(request);
  }

  /** Lets nobody in, rejects who waits; calls under way go on. */
  drain(): void {
    this.#closing = true;
    this.#lull.end();
    this.#replenisher.close();
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
