/**
 * Owns the input and output types of the pool's decisions: one snapshot in, a list of actions out. Nothing here has a
 * clock or does anything.
 */
import type { InstanceState } from '../../instance/instance-state.js';

/** An instance as the deciding functions see it. */
export interface InstanceView {
  readonly id: string;
  readonly state: InstanceState;
  readonly profileKey: string;
  /** Key of the code the instance holds; null before a load. */
  readonly codeKey: string | null;
  /** Key of the code the instance is being made ready for ahead of calls; null: for any function of its profile. */
  readonly intendedFor: string | null;
  /** Calls the instance has run. */
  readonly calls: number;
  /** Monotonic milliseconds of the instance's last change of state. */
  readonly since: number;
}

/** One call that waits for an instance. */
export interface RequestView {
  /** Names the request among those of one snapshot. */
  readonly id: number;
  readonly flow: string;
  readonly codeKey: string;
  readonly profileKey: string;
  /** Isolation "function": an instance that has been called before may be used. */
  readonly reuse: boolean;
  /** The load check of a deploy: counted against no function. */
  readonly check: boolean;
  /** The request's turn, in virtual time (see `turns/queue.ts`). */
  readonly turn: number;
  /** When the request came, others of its flow were waiting. */
  readonly behind: boolean;
}

/** How many calls of one function, whose instances are used again, should run at once; more would only share the cores. */
export interface AtOnce {
  /** Calls that run. */
  readonly calls: number;
  /** Instances that hold the function's code: when they are all in calls, one more is started only while there are fewer. */
  readonly instances: number;
  /** Calls that wait and are sent to an instance together with the one that it runs next. */
  readonly ahead: number;
  /** A call that has run for this long waits for something, and counts no more among those that run; milliseconds. */
  readonly slowMs: number;
}

/** One function with an active version: its use, and how many of its instances should be ready. */
export interface FunctionView {
  readonly codeKey: string;
  readonly profileKey: string;
  /** Instances of the function are used again: those in calls come back, so they count as ready. */
  readonly reuse: boolean;
  /** How many ready instances should be made now; 0 while loading ahead of calls pauses after failures. */
  readonly target: number;
  /** How many ready instances the function should have, whether or not making them pauses. */
  readonly wanted: number;
  /** The setting `standby` gives `wanted`, or nobody uses the function: instances beyond `wanted` are stopped at once. */
  readonly exact: boolean;
  readonly inUse: boolean;
  /** The function was deployed and never called: the instance the deploy left is kept for a while, and not replaced. */
  readonly uncalled: boolean;
  /** The virtual time from which a refill for this function may go before calls that wait behind others of their own. */
  readonly turn: number;
  readonly atOnce: AtOnce;
  /** Memory one instance with this code takes, in bytes. */
  readonly bytes: number;
  /** Worth of the function's n-th ready instance (n ≥ 1); comparable within one rank. */
  worth(n: number): number;
}

/** The standbys that a profile should have for functions that have no instance ready. */
export interface StandbyView {
  readonly profileKey: string;
  readonly target: number;
  /** How many standbys of this profile must stay when others are loaded ahead of calls. */
  readonly reserve: number;
  /** Memory one standby takes, in bytes. */
  readonly bytes: number;
}

export interface PoolLimits {
  /** Most instances in any state but `stopped`. */
  readonly maxInstances: number;
  /** Most instances in state `starting`. */
  readonly maxStarting: number;
  /** Most starts under way when another begins ahead of calls; and most loads ahead of calls under way. */
  readonly maxRefilling: number;
  /** Places reserved for calls: among refills, only that of a function in use with nothing ready may use them. */
  readonly placesForCalls: number;
}

/** Everything a decision is made from. Facts that most passes do not need are methods: finding them takes a walk over all functions. */
export interface Snapshot {
  /** Monotonic milliseconds. */
  readonly now: number;
  readonly instances: readonly InstanceView[];
  /** The waiting requests, in the order of their turns. */
  readonly requests: readonly RequestView[];
  readonly limits: PoolLimits;
  /** Memory all idle instances together may take, in bytes. */
  readonly memoryBudgetBytes: number;
  /** How long instances beyond the wanted number are kept, in case they are wanted again, in milliseconds. */
  readonly surplusMs: number;
  /** How long an idle instance that was called before is kept, in milliseconds. */
  readonly keepAliveMs: number;
  /** Whether instances may be started and loaded ahead of calls. */
  readonly mayRefill: boolean;
  /** Calls pause: this pass may also stop idle instances and make instances ready ahead of calls. */
  readonly quiet: boolean;
  /** Keys of code that is no function's active code any more. */
  readonly retired: ReadonlySet<string>;
  /** Ids of idle instances that were found computing although nothing was asked of them. */
  readonly restless: ReadonlySet<string>;
  /** Whether more than one function was called lately. */
  severalCalled(): boolean;
  functions(): readonly FunctionView[];
  /** The function whose active code this is. */
  functionOf(codeKey: string): FunctionView | undefined;
  standbys(): readonly StandbyView[];
  /** Memory the instance takes, in bytes. */
  bytesOf(instance: InstanceView): number;
  /** Worth of one standby of a profile; comparable among standbys. */
  standbyWorth(profileKey: string): number;
}

/** Why an idle instance is stopped. */
export type StopReason =
  /** Its code is no function's active code any more, or its profile is no longer the one that the function's settings ask for. */
  | 'retired'
  /** The instance computes although nothing was asked of it. */
  | 'restless'
  /** Its function may not use a called instance again. */
  | 'not-reusable'
  /** A called instance was idle for as long as it is kept. */
  | 'expired'
  /** There have been more instances than wanted for a while. */
  | 'surplus'
  /** All idle instances together take too much memory. */
  | 'memory'
  /** A call that waits, or a function that is in use, needs its place or its memory more. */
  | 'room';

/** One decision of a pass, to be carried out by the dispatcher. */
export type Action =
  /** The request gets an idle instance that holds its code. */
  | { kind: 'use'; request: number; instance: string }
  /** Code is loaded into a standby: for a request, or ahead of calls (null). */
  | { kind: 'load'; request: number | null; instance: string; codeKey: string }
  /** A container is started: for a request; or without one, for the code it is intended for or as a spare standby (null). */
  | { kind: 'start'; request: number | null; profileKey: string; intendedFor: string | null }
  /** `worth`: that of an instance stopped to make room, which ages everything that is no longer used; else null. */
  | { kind: 'stop'; instance: string; reason: StopReason; worth: number | null }
  /** The request waits: for an instance on its way, or until something changes (null). */
  | { kind: 'wait'; request: number; instance: string | null };
