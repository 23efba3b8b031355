/**
 * Owns which functions there are for the pool, what is known of their calls, and what therefore should be ready: so many
 * instances of each function in use, so many standbys of each profile in use, and what each of them is worth.
 */
import { profileKey, type Profile } from '../../model/profile.js';
import { DecayingRate } from './decaying-rate.js';
import { Demand } from './demand.js';
import { FlowLimits } from './flow-limits.js';
import { readyCounts, type StandbyWant, type Want } from './refill-plan.js';
import type { InstanceView, SchedulerLimits } from './scheduler.js';
import { GreedyDual, serversFor } from './sizing.js';
import type { Workload } from '../act/workload.js';

/** Who was called within this time may be called at any moment. */
const CALLED_MS = 5_000;

export interface DemandsOptions {
  /** The profile that always has standbys, and how many at least. */
  defaultProfile: Profile;
  minStandby: number;
  /** How long after its last call a function counts as in use, until its own pauses are known. */
  keepAliveMs: number;
  /** The most of anything that is kept ready. */
  most: number;
  /** Memory of an idle instance that holds this code, or of a standby of this profile. */
  bytesOf: (codeOrProfileKey: string) => number;
}

interface ProfileDemand {
  profile: Profile;
  /** Calls that found nothing loaded. */
  misses: DecayingRate;
}

export class Demands {
  readonly #options: DemandsOptions;
  readonly #byFlow = new Map<string, Demand>();
  readonly #byCode = new Map<string, Demand>();
  readonly #profiles = new Map<string, ProfileDemand>();
  readonly #greedy = new GreedyDual();
  /** How long a container takes to be ready, smoothed; the first guess is a small machine's. */
  #readyMs = 150;

  constructor(options: DemandsOptions) {
    this.#options = options;
    this.#profile(options.defaultProfile);
  }

  /** @param lastAt when it was last of use, monotonic milliseconds */
  activate(workload: Workload, lastAt: number): void {
    const { flow, code } = workload;
    const known = this.#byFlow.get(flow);
    if (known) {
      this.#byCode.delete(known.workload.code.key);
      known.replace(workload, lastAt);
    }
    const demand = known ?? new Demand(workload, this.#options.keepAliveMs, lastAt);
    this.#byFlow.set(flow, demand);
    this.#byCode.set(code.key, demand);
    this.#profile(workload.profile);
    this.#greedy.used(code.key);
  }

  /** This code is no function's any more. */
  retire(codeKey: string): void {
    this.#greedy.forget(codeKey);
    const demand = this.#byCode.get(codeKey);
    if (!demand) return;
    this.#byCode.delete(codeKey);
    this.#byFlow.delete(demand.workload.flow);
  }

  /** What failed before failed for reasons that are gone. */
  forgive(): void {
    for (const demand of this.#byFlow.values()) demand.worked();
  }

  /** Of the function whose active code this is. */
  of(codeKey: string): Demand | undefined {
    return this.#byCode.get(codeKey);
  }

  arrived(workload: Workload, now: number): void {
    const { key } = workload.code;
    const demand = this.#byCode.get(key);
    if (!demand) return;
    demand.arrived(now, this.#readyMs);
    this.#greedy.used(key);
  }

  /** A call found nothing loaded. */
  missed(key: string, now: number): void {
    this.#profiles.get(key)?.misses.add(now);
    this.#greedy.used(key);
  }

  startTook(ms: number): void {
    this.#readyMs += 0.2 * (ms - this.#readyMs);
  }

  get readyMs(): number {
    return this.#readyMs;
  }

  evicted(worth: number): void {
    this.#greedy.evicted(worth);
  }

  /** Of the functions that count as in use. */
  inUse(now: number): Workload[] {
    return [...this.#byFlow.values()].filter((demand) => demand.inUse(now)).map(({ workload }) => workload);
  }

  /** @param due up to how many a function may be refilled although calls wait */
  wants(now: number, due: (flow: string) => number): Want[] {
    const { most, bytesOf } = this.#options;
    const wants: Want[] = [];
    for (const demand of this.#byFlow.values()) {
      const target = demand.target(now, this.#readyMs, most);
      if (target === 0) continue;
      const { flow, code, profileKey: key, reuse } = demand.workload;
      wants.push({
        codeKey: code.key,
        profileKey: key,
        reuse,
        target,
        due: due(flow),
        worth: (n) => this.#worthOf(demand, n, now),
        bytes: bytesOf(code.key),
      });
    }
    return wants;
  }

  standbys(now: number): StandbyWant[] {
    const { defaultProfile, minStandby, most, bytesOf } = this.#options;
    const least = new Map([[profileKey(defaultProfile), minStandby]]);
    for (const demand of this.#byFlow.values()) {
      const { profileKey: key } = demand.workload;
      if (demand.inUse(now) && !least.has(key)) least.set(key, Math.min(1, minStandby));
    }
    return [...least].map(([key, target]) => {
      const load = (this.#profiles.get(key)!.misses.perSecond(now) * this.#readyMs) / 1000;
      const wanted = minStandby === 0 ? 0 : Math.max(target, serversFor(load, most));
      return { profileKey: key, target: wanted, reserve: Math.ceil(target / 2), bytes: bytesOf(key) };
    });
  }

  /** The most ready instances this function should have, also while loading ahead pauses. */
  limit(demand: Demand, now: number): number {
    return demand.wanted(now, this.#readyMs, this.#options.most);
  }

  profile(key: string): Profile {
    return this.#profiles.get(key)!.profile;
  }

  /** What an idle instance is worth: one with code as much as the last of the `ready` ones that hold the same. */
  worth(
    instance: Pick<InstanceView, 'codeKey' | 'profileKey'>,
    ready: (codeKey: string) => number,
    now: number,
  ): number {
    const { codeKey, profileKey: key } = instance;
    if (codeKey === null) {
      const rate = Math.max(1 / 60, this.#profiles.get(key)?.misses.perSecond(now) ?? 0);
      return this.#greedy.worth(key, rate, this.#readyMs, this.#options.bytesOf(key));
    }
    const demand = this.#byCode.get(codeKey);
    return demand ? this.#worthOf(demand, ready(codeKey), now) : 0;
  }

  /**
   * What each idle instance is worth to those who do not get it, for the scheduler. A flow that has its share of all
   * places may not take the only ready instance of another that is in use.
   */
  worths(
    flow: string,
    instances: readonly InstanceView[],
    places: number,
  ): (instance: InstanceView) => number {
    const now = performance.now();
    let prepared: { ready: (codeKey: string) => number; greedy: boolean } | undefined;
    return (instance) => {
      prepared ??= { ready: readyCounts(instances), greedy: this.#hasItsShare(flow, instances, places, now) };
      const { ready, greedy } = prepared;
      const { codeKey } = instance;
      const other = codeKey === null ? undefined : this.#byCode.get(codeKey);
      if (greedy && other && other.workload.flow !== flow && other.inUse(now) && ready(codeKey!) === 1)
        return Infinity;
      return this.worth(instance, ready, now);
    };
  }

  /** Whether several functions are being called, so that what is done for one keeps the calls of others waiting. */
  severalCalled(now: number): boolean {
    let called = 0;
    for (const demand of this.#byFlow.values())
      if (demand.calledWithin(CALLED_MS, now) && ++called > 1) return true;
    return false;
  }

  /**
   * How many starts may be under way. While several functions are called it is half: starts take the cores from calls for
   * longer than those last, and half as many at once make nearly as many containers a second.
   */
  startsAtOnce(most: number, now: number): number {
    return this.severalCalled(now) ? Math.ceil(most / 2) : most;
  }

  /**
   * The limits for this flow: one that has its share of the places leaves one for each function in use that has no instance
   * at all, or those would wait as long as its calls run. Counted when it is asked for: most calls never need a place.
   */
  limitsFor(flow: string, instances: readonly InstanceView[], limits: SchedulerLimits): SchedulerLimits {
    const now = performance.now();
    const most = {
      maxStarting: () => this.startsAtOnce(limits.maxStarting, now),
      maxInstances: () => limits.maxInstances - this.#reserved(flow, instances, limits.maxInstances, now),
    };
    return new FlowLimits(most);
  }

  /** Places for functions in use that have no instance at all. */
  #reserved(flow: string, instances: readonly InstanceView[], places: number, now: number): number {
    if (!this.#hasItsShare(flow, instances, places, now)) return 0;
    const held = new Set(instances.map(({ codeKey, intendedFor }) => codeKey ?? intendedFor));
    return this.inUse(now).filter((other) => other.flow !== flow && !held.has(other.code.key)).length;
  }

  #hasItsShare(flow: string, instances: readonly InstanceView[], places: number, now: number): boolean {
    const flows = this.inUse(now).length;
    const own = this.#byFlow.get(flow)?.workload.code.key;
    return instances.filter(({ codeKey }) => codeKey === own).length >= places / Math.max(1, flows);
  }

  #worthOf(demand: Demand, n: number, now: number): number {
    const { key } = demand.workload.code;
    const rate = demand.rateOf(n, now, this.#readyMs);
    return this.#greedy.worth(key, rate, this.#readyMs, this.#options.bytesOf(key));
  }

  #profile(profile: Profile): void {
    const key = profileKey(profile);
    if (!this.#profiles.has(key)) this.#profiles.set(key, { profile, misses: new DecayingRate(60) });
  }
}
