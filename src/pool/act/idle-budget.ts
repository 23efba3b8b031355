/** Owns what idle instances may take of the memory, and which go when it is too much: the least worth first. */
import type { Demands } from '../decide/demands.js';
import type { Fleet } from './fleet.js';
import type { Instance } from '../../instance/instance.js';
import type { MemoryLedger } from './memory-ledger.js';
import { RANK, readyCounts, type Shortage } from '../decide/refill-plan.js';
import { surplusOf } from '../decide/surplus.js';

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

  /** Lets idle instances of less rank or worth go, if that makes enough room: the same order as the plan's, or it would undo it. */
  makeRoom(wanted: Shortage, now: number): void {
    const { demands, fleet, ledger } = this.#options;
    let missing = wanted.bytes - this.freeBytes(fleet.list());
    const victims: Ranked[] = [];
    for (const ranked of this.#byWorth(now)) {
      if (missing <= 0 || compare(ranked, wanted) >= 0) break;
      victims.push(ranked);
      missing -= ledger.bytesOf(ranked.instance);
    }
    if (missing > 0) return;
    for (const { instance, worth } of victims) {
      demands.evicted(worth);
      void fleet.stop(instance);
    }
  }

  /** The least first. Of those that hold the same, each is worth what it is when those before it are gone. */
  #byWorth(now: number): Ranked[] {
    const { demands } = this.#options;
    const idle = this.idle();
    const ready = readyCounts(idle);
    const gone = new Map<string, number>();
    const ranked = idle.map((instance) => {
      const { profileKey } = instance;
      // One that is about to be loaded counts as if it were.
      const codeKey = instance.codeKey ?? instance.intendedFor;
      if (codeKey === null)
        return { instance, rank: RANK.standby, worth: demands.worth(instance, ready, now) };
      const before = gone.get(codeKey) ?? 0;
      gone.set(codeKey, before + 1);
      const n = Math.max(1, ready(codeKey) - before);
      const demand = demands.of(codeKey);
      const rank = n === 1 && demand && demands.limit(demand, now) > 0 ? RANK.floor : RANK.more;
      return { instance, rank, worth: demands.worth({ codeKey, profileKey }, () => n, now) };
    });
    return ranked.sort(compare);
  }
}

interface Ranked extends Omit<Shortage, 'bytes'> {
  instance: Instance;
}

function compare(a: Omit<Shortage, 'bytes'>, b: Omit<Shortage, 'bytes'>): number {
  return a.rank - b.rank || a.worth - b.worth;
}
