/**
 * Owns having instances ready before calls come: carries out what the plan says, keeps what is idle within the memory
 * budget, lets go of what is no longer wanted. What calls themselves start is the pool's.
 *
 * | Failure                                       | What happens                                                         |
 * |-----------------------------------------------|----------------------------------------------------------------------|
 * | a start ahead of calls fails                  | tried again after a pause that doubles, up to half a minute          |
 * | loading ahead fails                           | stopped; the function is loaded by its next call, ahead after a pause |
 * | what was loaded ahead ends, or does not rest  | the same                                                             |
 * | the driver is unavailable                     | nothing is begun; at its return what is missing is replaced          |
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Profile } from '../../model/profile.js';
import { LoadFailure } from '../../instance/wire/worker-connection.js';
import type { Logger } from '../../logger.js';
import { AwayTimes } from './away-times.js';
import type { Demands } from '../decide/demands.js';
import type { Fleet } from './fleet.js';
import type { IdleBudget } from './idle-budget.js';
import type { Instance } from '../../instance/instance.js';
import type { Lull } from './lull.js';
import type { MemoryLedger } from './memory-ledger.js';
import type { Queue } from '../decide/queue.js';
import { planRefills } from '../decide/refill-plan.js';
import type { SchedulerLimits } from '../decide/scheduler.js';
import type { TreeStock } from './tree-stock.js';

const TICK_MS = 1_000;
const LONGEST_BACK_OFF_MS = 30_000;
/** Pause after a standby has ended of its own. */
const LOST_PAUSE_MS = 1_000;
/** A refill that took longer says more of the machine's trouble than of what is wanted. */
const LONGEST_AWAY_MS = 5_000;

export interface ReplenisherOptions {
  fleet: Fleet;
  trees: TreeStock;
  queue: Queue;
  demands: Demands;
  ledger: MemoryLedger;
  budget: IdleBudget;
  lull: Lull;
  /** See `PoolOptions`. */
  settleMs: number;
  limits: SchedulerLimits;
  /** Starts, and loads, at once while no call waits. */
  maxRefilling: number;
  loadTimeoutMs: number;
  available: () => boolean;
  /** Begins to start an instance ahead of calls. */
  start: (profile: Profile, intendedFor: string | null) => void;
  /** An instance became usable. */
  onReady: () => void;
  /** See `PoolOptions`. */
  onRefilled?: ((ms: number) => void) | undefined;
  logger: Logger;
}

export class Replenisher {
  readonly #options: ReplenisherOptions;
  readonly #ticker: NodeJS.Timeout;
  #pending = false;
  #open = false;
  /** Virtual time from which a function may be refilled although calls wait. */
  readonly #turns = new Map<string, number>();
  readonly #away = new AwayTimes();
  #failures = 0;
  #notBefore = -Infinity;

  constructor(options: ReplenisherOptions) {
    this.#options = options;
    this.#ticker = setInterval(() => void this.tick(), TICK_MS);
    this.#ticker.unref();
  }

  /** From now on instances are made ready. */
  open(): void {
    this.#open = true;
    this.poke();
  }

  /** Something changed: looks again, when calls pause. */
  poke(): void {
    if (!this.#open || this.#pending) return;
    this.#pending = true;
    void this.#options.lull.wait().then(() => {
      this.#pending = false;
      this.run(false);
    });
  }

  close(): void {
    this.#open = false;
    clearInterval(this.#ticker);
  }

  /** A call took a loaded instance with this code. */
  took(codeKey: string, now: number): void {
    const demand = this.#options.demands.of(codeKey);
    // One that comes back is not replaced.
    if (!demand || demand.workload.reuse) return;
    this.#away.took(codeKey, now);
  }

  /** This code is no function's any more. */
  retire(codeKey: string): void {
    const flow = this.#options.demands.of(codeKey)?.workload.flow;
    if (flow !== undefined) this.#turns.delete(flow);
    this.#away.forget(codeKey);
    this.#options.demands.retire(codeKey);
    this.#options.trees.drop(codeKey);
  }

  /** A start ahead of calls failed. */
  startFailed(now: number): void {
    // Several that fail together have one cause.
    if (now < this.#notBefore) return;
    this.#failures += 1;
    this.#notBefore = now + Math.min(LONGEST_BACK_OFF_MS, 500 * 2 ** this.#failures);
  }

  startWorked(): void {
    this.#failures = 0;
  }

  /** The driver is back: what is missing is replaced at once. */
  resume(): void {
    this.startWorked();
    this.#notBefore = -Infinity;
    this.#options.demands.forgive();
    this.poke();
  }

  /** An idle instance has ended of its own: that should not go on and on. */
  lost(instance: Instance, now: number): void {
    const { demands, logger } = this.#options;
    const demand = instance.codeKey === null ? undefined : demands.of(instance.codeKey);
    logger.warn(
      { function: demand?.workload.flow, state: instance.state },
      'an idle instance has ended of its own',
    );
    if (instance.codeKey === null) this.#notBefore = Math.max(this.#notBefore, now + LOST_PAUSE_MS);
    else if (instance.calls === 0) demand?.failed(now);
  }

  /** The same a moment after it has become ready: what a worker does to be fast it does before it has code. */
  async loadSoon(instance: Instance): Promise<void> {
    await sleep(this.#options.settleMs, undefined, { ref: false });
    const { intendedFor } = instance;
    if (instance.state === 'standby' && intendedFor !== null) await this.load(instance, intendedFor);
  }

  /** Loads the code a fresh standby is meant for; gives it to whoever comes when that is not wanted any more. */
  async load(instance: Instance, codeKey: string): Promise<void> {
    const { demands, trees, fleet, loadTimeoutMs, logger, onReady, onRefilled } = this.#options;
    const demand = demands.of(codeKey);
    if (!demand || !this.#open) {
      instance.intendedFor = null;
      return;
    }
    const { code, flow } = demand.workload;
    instance.reserve(codeKey, true);
    let tree: string | undefined;
    try {
      tree = await trees.take(code);
      await instance.load(tree, code.load, loadTimeoutMs);
      const awayMs = this.#away.replaced(codeKey, performance.now());
      if (awayMs !== undefined) {
        demand.wasAway(Math.min(awayMs, LONGEST_AWAY_MS));
        onRefilled?.(awayMs);
      }
      // Replaced or deleted meanwhile: nobody will ask for it.
      if (!demands.of(codeKey)) void fleet.stop(instance);
    } catch (err) {
      // Unless it lies in the slot already.
      if (tree !== undefined) trees.giveBack(codeKey, tree);
      if (instance.state === 'loading') {
        demand.failed(performance.now());
        if (!(err instanceof LoadFailure)) logger.warn({ err, function: flow }, 'could not be loaded ahead');
      }
      void fleet.stop(instance);
    }
    onReady();
  }

  /** @param backlog calls wait: only what has waited its turn may begin */
  run(backlog: boolean): void {
    const { fleet, demands, queue, limits, maxRefilling, available, budget } = this.#options;
    if (!this.#open || !available()) return;
    const now = performance.now();
    const instances = fleet.list();
    if (!backlog) budget.tidy(instances, now);
    if (now < this.#notBefore) return;
    const wants = demands.wants(now, (flow) => this.#due(flow));
    const { refills, short } = planRefills({
      instances,
      wants,
      standbys: demands.standbys(now),
      limits: {
        // The last places are for calls.
        maxInstances:
          limits.maxInstances - (backlog ? 0 : Math.min(limits.maxStarting, limits.maxInstances >> 2)),
        maxStarting: backlog ? demands.startsAtOnce(limits.maxStarting, now) : maxRefilling,
        maxLoading: maxRefilling,
      },
      backlog: backlog || queue.length > 0,
      freeBytes: budget.freeBytes(instances),
    });
    for (const refill of refills) {
      const codeKey = refill.kind === 'load' ? refill.codeKey : refill.intendedFor;
      const flow = codeKey === null ? undefined : demands.of(codeKey)?.workload.flow;
      if (refill.kind === 'load') void this.load(fleet.get(refill.instanceId), refill.codeKey);
      else this.#options.start(demands.profile(refill.profileKey), refill.intendedFor);
      if (flow === undefined) continue;
      this.#turns.delete(flow);
      if (queue.length > 0) queue.charge(flow);
    }
    if (short && !backlog) budget.makeRoom(short, now);
  }

  /** Measures, and looks again: targets fade with time. */
  async tick(): Promise<void> {
    const { ledger, available, demands, fleet, logger, budget, trees } = this.#options;
    if (!this.#open || !available()) return;
    const now = performance.now();
    // A call that finds nothing loaded finds its files linked, be they thousands.
    for (const { code } of demands.inUse(now)) trees.prepare(code).catch(() => undefined);
    try {
      for (const instance of await ledger.sample(budget.idle(), now)) {
        if (instance.state !== 'idle') continue;
        const demand = instance.codeKey === null ? undefined : demands.of(instance.codeKey);
        logger.warn({ function: demand?.workload.flow }, 'an idle instance computes without a call; stopped');
        demand?.failed(now);
        void fleet.stop(instance);
      }
    } catch (err) {
      logger.debug({ err }, 'memory of idle instances could not be measured');
    }
    this.poke();
  }

  /** A function that has nothing ready takes turns with the calls that wait, one that has something comes after them. */
  #due(flow: string): number {
    const { queue } = this.#options;
    const turn = this.#turns.get(flow) ?? queue.nextTag(flow);
    this.#turns.set(flow, turn);
    return queue.clock > turn ? Infinity : queue.clock === turn ? 1 : 0;
  }
}
