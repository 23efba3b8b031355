/**
 * Owns loading code into standbys, for a waiting call or ahead of calls. `decide/` decides which code is loaded, and when.
 *
 * | Failure                                  | The instance, and then                                                |
 * |------------------------------------------|-----------------------------------------------------------------------|
 * | loading for a call fails                 | stopped; the call is rejected                                         |
 * | loading ahead fails                      | stopped; the next call loads the function; ahead only after a pause   |
 * | the version is replaced during the load  | stopped                                                               |
 */
import type { Clock } from '../../clock.js';
import { InstanceFailure } from '../../instance/instance-failure.js';
import type { Instance } from '../../instance/instance.js';
import { LoadFailure } from '../../instance/wire/worker-connection.js';
import type { LogSink } from '../../model/call/execution.js';
import type { Logger } from '../../logger.js';
import type { Demands } from '../demand/demands.js';
import type { InstanceWaiter } from '../requests/instance-waiter.js';
import { AwayTimes } from './away-times.js';
import type { Fleet } from './fleet.js';
import { Lease } from './lease.js';
import type { TreeStock } from './tree-stock.js';

/** Longest refill time that is learned from: a longer one tells of trouble with the machine, not of the function's needs. */
const LONGEST_AWAY_MS = 5_000;

export interface LoaderOptions {
  fleet: Fleet;
  trees: TreeStock;
  demands: Demands;
  clock: Clock;
  /** How long a function's modules may take to load, in milliseconds. */
  loadTimeoutMs: number;
  /** How long a worker that is ready gets for itself before code is loaded ahead of calls, in milliseconds. */
  settleMs: number;
  /** Whether instances are still made ready ahead of calls. */
  refills: () => boolean;
  /** Called when an instance became usable, or is being stopped. */
  onReady: () => void;
  /** Called when an instance that a call took has been replaced, with the milliseconds that took. */
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
    // With reuse the instance comes back and is not replaced.
    if (this.#options.demands.of(codeKey)?.workload.reuse === false) this.#away.took(codeKey, now);
  }

  /** This code is no function's active code any more. */
  forget(codeKey: string): void {
    this.#away.forget(codeKey);
  }

  /** Loads a standby for a call. Rejects with the error for the call, after stopping the instance. */
  async loadFor(waiter: InstanceWaiter, instance: Instance): Promise<void> {
    const { demands, fleet, loadTimeoutMs } = this.#options;
    const { code } = waiter.request.workload;
    instance.reserve(code.key, false);
    try {
      await instance.load(await waiter.tree(), code.load, loadTimeoutMs, code.server);
      demands.of(code.key)?.loading.reset();
    } catch (error) {
      const failure = await Lease.explain(instance, error);
      await this.#tellOutput(waiter.request.failedLoadOutput, instance, failure);
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

  /** Loads a standby ahead of calls; when that is not wanted any more, the instance stays a spare standby. Never rejects. */
  async loadAhead(instance: Instance, codeKey: string): Promise<void> {
    const { demands, trees, fleet, clock, loadTimeoutMs, logger, refills, onReady } = this.#options;
    const demand = demands.of(codeKey);
    if (!demand || !refills()) {
      instance.intendedFor = null;
      return;
    }
    const { code } = demand.workload;
    instance.reserve(codeKey, true);
    let tree: string | undefined;
    try {
      tree = await trees.take(code);
      await instance.load(tree, code.load, loadTimeoutMs, code.server);
      this.#replaced(codeKey, clock.now());
      // The version was replaced or deleted during the load: nobody will ask for it.
      if (!demands.of(codeKey)) void fleet.stop(instance);
    } catch (err) {
      // Does nothing when the tree lies in the slot already.
      if (tree !== undefined) trees.giveBack(codeKey, tree);
      if (instance.state === 'loading') {
        demand.loading.failed(clock.now());
        if (!(err instanceof LoadFailure))
          logger.warn({ err, function: code.load.name }, 'could not be loaded ahead');
      }
      void fleet.stop(instance);
    }
    onReady();
  }

  /** Gives a request the output of its failed load: often only the output says what is wrong. */
  async #tellOutput(sink: LogSink | undefined, instance: Instance, failure: unknown): Promise<void> {
    if (sink === undefined) return;
    for (const log of instance.loadLogs.take()) sink(...log);
    const output = await instance.output();
    if (failure instanceof InstanceFailure) failure.output = output;
    for (const stream of ['stdout', 'stderr'] as const)
      if (output[stream] !== '') sink(stream, Buffer.from(output[stream]));
  }

  #replaced(codeKey: string, now: number): void {
    const awayMs = this.#away.replaced(codeKey, now);
    if (awayMs === undefined) return;
    this.#options.demands.of(codeKey)?.wasAway(Math.min(awayMs, LONGEST_AWAY_MS));
    this.#options.onRefilled?.(awayMs);
  }
}
