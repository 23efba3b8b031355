/**
 * Owns what the pool's decisions are made from, and what they can be: one snapshot in, a list of actions out. Nothing
 * here has a clock or does anything.
 */
import type { InstanceState } from '../../instance/instance-state.js';

/** An instance as the deciding functions see it. */
export interface InstanceView {
  readonly id: string;
  readonly state: InstanceState;
  readonly profileKey: string;
  /** Which code the instance holds; null before a load. */
  readonly codeKey: string | null;
  /** Which code the instance is being made ready for without a call that asked for it; null: for whoever comes. */
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
  /** The request's turn, in virtual time (see `requests/queue.ts`). */
  readonly turn: number;
  /** When the request came, others of its flow were waiting. */
  readonly behind: boolean;
}

/** What is known of one function, and what should be ready of it. */
export interface FunctionView {
  readonly flow: string;
  readonly codeKey: string;
  readonly profileKey: string;
  /** Instances of the function are used again: those in calls come back, so they count as there. */
  readonly reuse: boolean;
  /** How many ready instances should be made now; 0 while loading ahead of calls pauses after failures. */
  readonly target: number;
  /** How many ready instances the function should have, whether or not making them pauses. */
  readonly wanted: number;
  /** `wanted` was asked for by the setting `standby`, or nobody uses the function: more than that goes at once. */
  readonly exact: boolean;
  readonly inUse: boolean;
  /** The function was deployed and never called: what the deploy left is kept for a while, and not replaced. */
  readonly uncalled: boolean;
  /** The virtual time from which a refill for this function may go before calls that wait behind others of their own. */
  readonly turn: number;
  /** The most calls of the function that should run at once; beyond them the cores are only shared by more. */
  readonly atOnce: number;
  /** Memory one instance with this code takes, in bytes. */
  readonly bytes: number;
  /** What the function's n-th ready instance is worth (n ≥ 1); compares within one rank. */
  worth(n: number): number;
}

/** What a profile should have ready for functions that have nothing. */
export interface StandbyView {
  readonly profileKey: string;
  readonly target: number;
  /** Of the standbys of this profile, how many loading ahead of calls must leave. */
  readonly reserve: number;
  /** Memory one standby takes, in bytes. */
  readonly bytes: number;
}

export interface PoolLimits {
  /** Instances in any state but stopped. */
  readonly maxInstances: number;
  /** Instances being started at once. */
  readonly maxStarting: number;
  /** Starts, and loads, at once that no call waits for. */
  readonly maxRefilling: number;
  /** Of the places, how many are left to calls: only a function in use that has nothing ready may have them, too. */
  readonly placesForCalls: number;
}

/** Everything a decision is made from. The functions are asked for when they are needed: most passes need none. */
export interface Snapshot {
  /** Monotonic milliseconds. */
  readonly now: number;
  readonly instances: readonly InstanceView[];
  /** In the order of their turns. */
  readonly requests: readonly RequestView[];
  readonly limits: PoolLimits;
  /** Memory all idle instances together may take, in bytes. */
  readonly memoryBudgetBytes: number;
  /** How long instances beyond those wanted are kept, should they be wanted again, in milliseconds. */
  readonly surplusMs: number;
  /** How long an idle instance that was called before is kept, in milliseconds. */
  readonly keepAliveMs: number;
  /** Whether instances may be started and loaded that no call waits for. */
  readonly mayRefill: boolean;
  /** This is the time to look at what is idle, and to make ready what no call waits for: calls pause. */
  readonly quiet: boolean;
  /** Code that is no function's any more. */
  readonly retired: ReadonlySet<string>;
  /** Ids of idle instances that were found computing although nothing was asked of them. */
  readonly restless: ReadonlySet<string>;
  functions(): readonly FunctionView[];
  /** The function whose active code this is. */
  functionOf(codeKey: string): FunctionView | undefined;
  standbys(): readonly StandbyView[];
  /** Memory the instance takes, in bytes. */
  bytesOf(instance: InstanceView): number;
  /** What one standby of a profile is worth; compares among standbys. */
  standbyWorth(profileKey: string): number;
}

/** Why an idle instance is stopped. */
export type StopReason =
  /** Its code is no function's any more. */
  | 'retired'
  /** It computes although nothing was asked of it. */
  | 'restless'
  /** Its function may not use a called instance again. */
  | 'not-reusable'
  /** A called instance was idle for as long as it is kept. */
  | 'expired'
  /** There are more than wanted, and have been for a while. */
  | 'surplus'
  /** All idle instances together take too much memory. */
  | 'memory'
  /** A call that waits, or a function that is in use, needs its place or its memory more. */
  | 'room';

/** What is to be done. */
export type Action =
  /** The request gets an idle instance that holds its code. */
  | { kind: 'use'; request: number; instance: string }
  /** A standby is given code: for a request, or ahead of calls (null). */
  | { kind: 'load'; request: number | null; instance: string; codeKey: string }
  /** A container is started: a request waits for it, or (null) for the code it is intended for, or for whoever comes. */
  | { kind: 'start'; request: number | null; profileKey: string; intendedFor: string | null }
  /** `worth`: of what went to make room; it makes everything that is no longer used worth less. */
  | { kind: 'stop'; instance: string; reason: StopReason; worth: number | null }
  /** The request waits: for an instance on its way, or until something changes (null). */
  | { kind: 'wait'; request: number; instance: string | null };
