/**
 * Owns which functions and profiles the pool knows, and turns their calls into the input of decisions: how many instances
 * of each function and how many standbys of each profile should be ready, and the worth of each.
 */
import { profileKey, type Profile } from '../../model/function/profile.js';
import { GreedyDual } from '../decide/greedy-dual.js';
import { serversFor } from '../decide/sizing.js';
import { LONG_CALL_MS } from '../../instance/wire/worker-connection.js';
import { SLOW_CALL_MS, UNBOUNDED } from '../decide/serve.js';
import type { AtOnce, FunctionView, StandbyView } from '../decide/snapshot.js';
import type { Workload } from '../workload.js';
import { DecayingRate } from './decaying-rate.js';
import { Demand } from './demand.js';
import { Ewma } from '../../ewma.js';

/** A function that was called within this time may be called at any moment. */
const CALLED_MS = 5_000;
/** The first guess of how long a container takes to be ready: that of a small machine. */
const READY_MS = 150;
const READY_WEIGHT = 0.2;
/** The time constant of a profile's rate of calls that find nothing loaded. */
const MISSES_SECONDS = 60;

/** Short calls at once for each core: a core that waits for one of them has others. */
const SHORT_PER_CORE = 4;
/** Instances of a function with brief calls for each core, so that another is there while a call is slow for once. */
const BRIEF_INSTANCES_PER_CORE = 2;
/**
 * Brief calls sent along with the one that runs next. The worker then need not be woken for each of them, and both ends read and
 * write several messages at a time: on two cores a sixth more calls of 8 clients were answered, and two thirds more of 32.
 */
const BRIEF_AHEAD = 3;

export interface DemandsOptions {
  /** The profile that always has standbys; it has at least `minStandby`. */
  defaultProfile: Profile;
  minStandby: number;
  /** How long after its last call a function counts as in use, until its own pauses are known. */
  keepAliveMs: number;
  /** The most ready instances of one function, and the most standbys of one profile. */
  most: number;
  /** Cores that calls may use. */
  cores: number;
  /** Memory of an idle instance that holds this code, or of a standby of this profile, in bytes. */
  bytesOf: (codeOrProfileKey: string) => number;
}

interface ProfileDemand {
  profile: Profile;
  /** Calls that found nothing loaded, per second. */
  misses: DecayingRate;
}

export class Demands {
  readonly #options: DemandsOptions;
  readonly #atOnce: Record<ReturnType<Demand['length']>, AtOnce>;
  readonly #byFlow = new Map<string, Demand>();
  readonly #byCode = new Map<string, Demand>();
  readonly #profiles = new Map<string, ProfileDemand>();
  readonly #greedy = new GreedyDual();
  readonly #ready = new Ewma(READY_WEIGHT, READY_MS);

  constructor(options: DemandsOptions) {
    this.#options = options;
    this.#atOnce = atOnceOn(options.cores);
    this.#profile(options.defaultProfile);
  }

  /**
   * Makes this the active code of its function.
   * @param lastAt when the function was last called, monotonic milliseconds; -Infinity: never
   * @param deployedAt when the code was deployed; -Infinity: before this server has started
   */
  activate(workload: Workload, lastAt: number, deployedAt = -Infinity): void {
    const { flow, code } = workload;
    const known = this.#byFlow.get(flow);
    if (known) {
      this.#byCode.delete(known.workload.code.key);
      known.replace(workload, lastAt, deployedAt);
    }
    const demand = known ?? new Demand(workload, this.#options.keepAliveMs, lastAt, deployedAt);
    this.#byFlow.set(flow, demand);
    this.#byCode.set(code.key, demand);
    this.#profile(workload.profile);
    this.#greedy.used(code.key);
  }

  /** This code is no function's active code any more. */
  retire(codeKey: string): void {
    this.#greedy.forget(codeKey);
    const demand = this.#byCode.get(codeKey);
    if (!demand) return;
    this.#byCode.delete(codeKey);
    this.#byFlow.delete(demand.workload.flow);
  }

  /** Clears the pauses after failures of every function: the driver was away, and is back. */
  forgive(): void {
    for (const demand of this.#byFlow.values()) demand.loading.reset();
  }

  /** The demand of the function whose active code this is. */
  of(codeKey: string): Demand | undefined {
    return this.#byCode.get(codeKey);
  }

  arrived(workload: Workload, now: number): void {
    const { key } = workload.code;
    const demand = this.#byCode.get(key);
    if (!demand) return;
    demand.arrived(now, this.readyMs);
    this.#greedy.used(key);
  }

  /** A call found nothing loaded. @param key profile key of the call's function */
  missed(key: string, now: number): void {
    this.#profiles.get(key)?.misses.add(now);
    this.#greedy.used(key);
  }

  startTook(ms: number): void {
    this.#ready.add(ms);
  }

  /** How long a container takes to be ready, in milliseconds. */
  get readyMs(): number {
    return this.#ready.value!;
  }

  /** An idle instance of this worth was stopped to make room. */
  evicted(worth: number): void {
    this.#greedy.evicted(worth);
  }

  /** Workloads of the functions that count as in use. */
  inUse(now: number): Workload[] {
    return [...this.#byFlow.values()].filter((demand) => demand.inUse(now)).map(({ workload }) => workload);
  }

  /** How many calls of this code should run at once. */
  atOnce(codeKey: string): AtOnce {
    const demand = this.#byCode.get(codeKey);
    return demand === undefined ? UNBOUNDED : this.#atOnce[demand.length()];
  }

  /** @param turnOf the virtual time from which a function may be refilled although calls wait */
  functions(now: number, turnOf: (flow: string) => number): FunctionView[] {
    const { most, bytesOf } = this.#options;
    return [...this.#byFlow.values()].map((demand) => {
      const { flow, code, profileKey: key, reuse, standby } = demand.workload;
      const inUse = demand.inUse(now);
      const atOnce = this.#atOnce[demand.length()];
      // An instance beyond the calls that run at once would never be called; making it would take the cores from the calls.
      const bound = standby === null ? Math.min(most, atOnce.instances) : most;
      return {
        codeKey: code.key,
        profileKey: key,
        reuse,
        target: demand.target(now, this.readyMs, bound),
        wanted: demand.wanted(now, this.readyMs, bound),
        exact: standby !== null || !inUse,
        inUse,
        uncalled: standby === null && demand.isUncalled(now),
        turn: turnOf(flow),
        atOnce,
        bytes: bytesOf(code.key),
        worth: (n: number) => this.#worthOf(demand, n, now),
      };
    });
  }

  standbys(now: number): StandbyView[] {
    const { defaultProfile, minStandby, most, bytesOf } = this.#options;
    const least = new Map([[profileKey(defaultProfile), minStandby]]);
    for (const demand of this.#byFlow.values()) {
      const { profileKey: key } = demand.workload;
      if (demand.inUse(now) && !least.has(key)) least.set(key, Math.min(1, minStandby));
    }
    return [...least].map(([key, target]) => {
      const load = (this.#profiles.get(key)!.misses.perSecond(now) * this.readyMs) / 1000;
      const wanted = minStandby === 0 ? 0 : Math.max(target, serversFor(load, most));
      return { profileKey: key, target: wanted, reserve: Math.ceil(target / 2), bytes: bytesOf(key) };
    });
  }

  profile(key: string): Profile {
    return this.#profiles.get(key)!.profile;
  }

  /** Worth of one standby of a profile; comparable among standbys. */
  standbyWorth(key: string, now: number): number {
    const rate = Math.max(1 / 60, this.#profiles.get(key)?.misses.perSecond(now) ?? 0);
    return this.#greedy.worth(key, rate, this.readyMs, this.#options.bytesOf(key));
  }

  /** Whether several functions are being called, so that work for one function delays the calls of others. */
  severalCalled(now: number): boolean {
    let called = 0;
    for (const demand of this.#byFlow.values())
      if (demand.calledWithin(CALLED_MS, now) && ++called > 1) return true;
    return false;
  }

  #worthOf(demand: Demand, n: number, now: number): number {
    const { key } = demand.workload.code;
    const rate = demand.rateOf(n, now, this.readyMs);
    return this.#greedy.worth(key, rate, this.readyMs, this.#options.bytesOf(key));
  }

  #profile(profile: Profile): void {
    const key = profileKey(profile);
    if (!this.#profiles.has(key))
      this.#profiles.set(key, { profile, misses: new DecayingRate(MISSES_SECONDS) });
  }
}

function atOnceOn(cores: number): Record<ReturnType<Demand['length']>, AtOnce> {
  const short = SHORT_PER_CORE * cores;
  const instances = BRIEF_INSTANCES_PER_CORE * cores;
  return {
    brief: { calls: cores, instances, ahead: BRIEF_AHEAD, slowMs: LONG_CALL_MS },
    short: { calls: short, instances: short, ahead: 0, slowMs: SLOW_CALL_MS },
    long: UNBOUNDED,
  };
}
