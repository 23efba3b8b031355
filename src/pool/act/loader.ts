/**
 * Owns loading code into standbys: for a call that waits for it, or ahead of calls. What is loaded when is decided in
 * `decide/`.
 *
 * | Failure                                       | What happens                                                          |
 * |-----------------------------------------------|-----------------------------------------------------------------------|
 * | loading for a call fails                      | stopped; the call is told                                             |
 * | loading ahead fails                           | stopped; the function is loaded by its next call, ahead after a pause |
 * | what was loaded ahead is replaced meanwhile   | stopped                                                               |
 */
import type { Clock } from '../../clock.js';
import type { Instance } from '../../instance/instance.js';
import { LoadFailure } from '../../instance/wire/worker-connection.js';
import type { Logger } from '../../logger.js';
import type { Demands } from '../demand/demands.js';
import type { Waiter } from '../requests/waiter.js';
import { AwayTimes } from './away-times.js';
import type { Fleet } from './fleet.js';
import { Lease } from './lease.js';
import type { TreeStock } from './tree-stock.js';

/** A refill that took longer says more of the machine's trouble than of what is wanted. */
const LONGEST_AWAY_MS = 5_000;

export interface LoaderOptions {
  fleet: Fleet;
  trees: TreeStock;
  demands: Demands;
  clock: Clock;
  /** For a function's modules to load, in milliseconds. */
  loadTimeoutMs: number;
  /** How long a worker that is ready gets for itself before code is loaded ahead of calls, in milliseconds. */
  settleMs: number;
  /** Whether instances are still made ready ahead of calls. */
  refills: () => boolean;
  /** An instance became usable, or is gone. */
  onReady: () => void;
  /** A function has again what a call took, after so many milliseconds. */
  onRefilled?: ((ms: number) => void) | undefined;
  logger: Logger;
}

export class Loader {
  readonly #options: LoaderOptions;
  readonly #away = new AwayTimes();

  constructor(options: LoaderOptions) {
    this.#options = options;
  }

  /** A call took a loaded instance with this code. */
  took(codeKey: string, now: number): void {
    // An instance that comes back is not replaced.
    if (this.#options.demands.of(codeKey)?.workload.reuse === false) this.#away.took(codeKey, now);
  }

  /** This code is no function's any more. */
  forget(codeKey: string): void {
    this.#away.forget(codeKey);
  }

  /** Loads a standby for a call. Rejects with what the call is told; the instance is then stopped. */
  async loadFor(waiter: Waiter<Lease>, instance: Instance): Promise<void> {
    const { demands, fleet, loadTimeoutMs } = this.#options;
    const { code } = waiter.request.workload;
    instance.reserve(code.key, false);
    try {
      await instance.load(await waiter.tree(), code.load, loadTimeoutMs);
      demands.of(code.key)?.loading.reset();
    } catch (error) {
      const failure = await Lease.explain(instance, error);
      void fleet.stop(instance);
      throw failure;
    }
  }

  /** Waits until a new worker has finished its own warm-up, then loads the code: a worker warms up only while it has none. */
  loadSoon(instance: Instance): void {
    this.#options.clock.after(this.#options.settleMs, () => {
      const { intendedFor } = instance;
      if (instance.state === 'standby' && intendedFor !== null) void this.loadAhead(instance, intendedFor);
    });
  }

  /** Loads a standby ahead of calls; leaves it to whoever comes when that is not wanted any more. Never rejects. */
  async loadAhead(instance: Instance, codeKey: string): Promise<void> {
    const { demands, trees, fleet, clock, loadTimeoutMs, logger, refills, onReady } = this.#options;
    const demand = demands.of(codeKey);
    if (!demand || !refills()) {
      instance.intendedFor = null;
      return;
    }
    const { code, flow } = demand.workload;
    instance.reserve(codeKey, true);
    let tree: string | undefined;
    try {
      tree = await trees.take(code);
      await instance.load(tree, code.load, loadTimeoutMs);
      this.#replaced(codeKey, clock.now());
      // Replaced or deleted meanwhile: nobody will ask for it.
      if (!demands.of(codeKey)) void fleet.stop(instance);
    } catch (err) {
      // Unless the tree lies in the slot already.
      if (tree !== undefined) trees.giveBack(codeKey, tree);
      if (instance.state === 'loading') {
        demand.loading.failed(clock.now());
        if (!(err instanceof LoadFailure)) logger.warn({ err, function: flow }, 'could not be loaded ahead');
      }
      void fleet.stop(instance);
    }
    onReady();
  }

  #replaced(codeKey: string, now: number): void {
    const awayMs = this.#away.replaced(codeKey, now);
    if (awayMs === undefined) return;
    this.#options.demands.of(codeKey)?.wasAway(Math.min(awayMs, LONGEST_AWAY_MS));
    this.#options.onRefilled?.(awayMs);
  }
}
