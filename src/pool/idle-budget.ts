/** Owns what idle instances may take of the memory, and which go when it is too much: the least worth first. */
import type { Demands } from './demands.js';
import type { Fleet } from './fleet.js';
import type { Instance } from './instance.js';
import type { MemoryLedger } from './memory-ledger.js';
import { readyCounts, type StandbyWant, type Want } from './refill-plan.js';
import { surplusOf, worthOf } from './surplus.js';

export interface IdleBudgetOptions {
  fleet: Fleet;
  demands: Demands;
  ledger: MemoryLedger;
  /** What all idle instances together may take. */
  memoryBudgetBytes: number;
  /** What is ready beyond what is wanted is kept this long. */
  surplusMs: number;
}

export class IdleBudget {
  readonly #options: IdleBudgetOptions;

  constructor(options: IdleBudgetOptions) {
    this.#options = options;
  }

  /** Standbys, loaded and warm ones. */
  idle(): Instance[] {
    return this.#options.fleet.list().filter(({ state }) => state === 'idle' || state === 'standby');
  }

  /** What they take, as far as it was measured. */
  usedBytes(): number {
    return this.#options.ledger.sum(this.idle());
  }

  /** What is left for more, with what is on its way counted. */
  freeBytes(instances: Instance[]): number {
    const { ledger, memoryBudgetBytes } = this.#options;
    const coming = instances.filter(
      ({ state, intendedFor }) => state === 'starting' || (state === 'loading' && intendedFor !== null),
    );
    return memoryBudgetBytes - this.usedBytes() - ledger.sum(coming);
  }

  /** Stops what is not wanted any more, and what is too much. */
  tidy(instances: Instance[], now: number): void {
    const { demands, fleet, ledger, memoryBudgetBytes, surplusMs } = this.#options;
    for (const instance of surplusOf(instances, demands, now, surplusMs)) void fleet.stop(instance);
    let used = this.usedBytes();
    if (used <= memoryBudgetBytes) return;
    for (const { instance, worth } of this.#byWorth(now)) {
      used -= ledger.bytesOf(instance);
      demands.evicted(worth);
      void fleet.stop(instance);
      if (used <= memoryBudgetBytes) return;
    }
  }

  /** Lets the idle instance go that is worth least, if what is wanted in its place is worth more. */
  makeRoom(wanted: Want | StandbyWant, now: number): void {
    const [least] = this.#byWorth(now);
    if (!least || least.worth >= worthOf(wanted, readyCounts(this.idle()))) return;
    this.#options.demands.evicted(least.worth);
    void this.#options.fleet.stop(least.instance);
  }

  #byWorth(now: number): { instance: Instance; worth: number }[] {
    const idle = this.idle();
    const ready = readyCounts(idle);
    return idle
      .map((instance) => ({ instance, worth: this.#options.demands.worth(instance, ready, now) }))
      .sort((a, b) => a.worth - b.worth);
  }
}
