/**
 * Owns one question: what should happen to this request, given what is there? A pure function: no clock, no IO, no
 * class. The pool asks and carries out.
 *
 * Preference: warm (where reuse is allowed) → loaded → one that is being loaded ahead with this code → standby → a start
 * already under way that nobody ahead has a claim on → start, if under the limits → evict the idle instance worth least
 * (and start when it is gone) → wait.
 */
import type { InstanceState } from '../../instance/instance-state.js';

export interface InstanceView {
  readonly id: string;
  readonly state: InstanceState;
  readonly profileKey: string;
  /** Which code it holds; null before a load. */
  readonly codeKey: string | null;
  /** Which code it is being made ready for without a call that asked for it; null: for whoever comes. */
  readonly intendedFor: string | null;
  /** Calls it has run. */
  readonly calls: number;
  /** Monotonic milliseconds of its last change of state. */
  readonly since: number;
}

export interface SchedulerRequest {
  profileKey: string;
  codeKey: string;
  /** Isolation "function": an instance that has been called before may be used. */
  reuse: boolean;
}

export interface SchedulerSnapshot {
  instances: readonly InstanceView[];
  /** Instances on their way to readiness that requests ahead of this one wait for. */
  claimed: ReadonlySet<string>;
  limits: SchedulerLimits;
  /** Requests ahead that wait without a claim. */
  waiting: number;
  /** What an idle instance is worth to others; the least goes first, Infinity never. */
  worth: (instance: InstanceView) => number;
}

export interface SchedulerLimits {
  /** Instances in any state but stopped. */
  maxInstances: number;
  /** Instances being started at once. */
  maxStarting: number;
}

export type Decision =
  | { kind: 'use'; instanceId: string }
  | { kind: 'load'; instanceId: string }
  | { kind: 'start' }
  /** Stop that one; the request waits for its place. */
  | { kind: 'evict'; instanceId: string }
  /** `claims`: the instance on its way that will serve it, or null while none is. */
  | { kind: 'wait'; claims: string | null };

export function decide(request: SchedulerRequest, snapshot: SchedulerSnapshot): Decision {
  const { claimed, limits } = snapshot;
  const { profileKey, codeKey, reuse } = request;
  let usable: InstanceView | undefined;
  let standby: InstanceView | undefined;
  let loading: InstanceView | undefined;
  let coming: InstanceView | undefined;
  let starting = 0;
  let freeing = 0;
  for (const instance of snapshot.instances) {
    const mine = instance.intendedFor === null || instance.intendedFor === codeKey;
    switch (instance.state) {
      case 'idle':
        if (instance.codeKey === codeKey && (reuse || instance.calls === 0))
          usable = better(usable, instance);
        break;
      case 'standby':
        if (mine && instance.profileKey === profileKey) standby = older(standby, instance);
        break;
      case 'loading':
        if (instance.intendedFor === codeKey && !claimed.has(instance.id)) loading = older(loading, instance);
        break;
      case 'starting':
        starting += 1;
        if (mine && instance.profileKey === profileKey && !claimed.has(instance.id))
          coming = older(coming, instance);
        break;
      case 'stopping':
        freeing += 1;
        break;
      case 'busy':
      case 'stopped':
        break;
    }
  }
  if (usable) return { kind: 'use', instanceId: usable.id };
  if (loading) return { kind: 'wait', claims: loading.id };
  if (standby) return { kind: 'load', instanceId: standby.id };
  if (coming) return { kind: 'wait', claims: coming.id };
  if (starting < limits.maxStarting) {
    if (snapshot.instances.length < limits.maxInstances) return { kind: 'start' };
    // Each instance being stopped makes room for one request that waits ahead; only beyond those another must go.
    const victim = freeing > snapshot.waiting ? undefined : leastWorth(snapshot);
    if (victim) return { kind: 'evict', instanceId: victim.id };
  }
  return { kind: 'wait', claims: null };
}

/** Called before rather than not, then the most recently used. */
function better(best: InstanceView | undefined, other: InstanceView): InstanceView {
  if (!best) return other;
  const warmer = Number(other.calls > 0) - Number(best.calls > 0);
  return warmer > 0 || (warmer === 0 && other.since > best.since) ? other : best;
}

function older(oldest: InstanceView | undefined, other: InstanceView): InstanceView {
  return !oldest || other.since < oldest.since ? other : oldest;
}

/** Of those nobody uses; the one unused for longest where they are worth the same. */
function leastWorth({ instances, worth }: SchedulerSnapshot): InstanceView | undefined {
  let least: InstanceView | undefined;
  let leastValue = Infinity;
  for (const instance of instances) {
    if (instance.state !== 'idle' && instance.state !== 'standby') continue;
    const value = worth(instance);
    if (value < leastValue || (value === leastValue && least && instance.since < least.since)) {
      least = instance;
      leastValue = value;
    }
  }
  return least;
}
