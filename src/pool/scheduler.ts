/**
 * Owns one question: what should happen to this request, given what is there? A pure function: no clock, no IO, no
 * class. The pool asks and carries out.
 *
 * Preference: warm (where reuse is allowed) → loaded → standby → wait for a start already under way that nobody
 * ahead has a claim on → start, if under the limits → evict the least recently used idle instance (and start when it
 * is gone) → wait.
 */
import type { InstanceState } from './instance-state.js';

export interface InstanceView {
  readonly id: string;
  readonly state: InstanceState;
  readonly profileKey: string;
  /** Which code it holds; null before a load. */
  readonly codeKey: string | null;
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
  /** Starting instances of the request's profile that requests ahead of it wait for. */
  promised: number;
  limits: SchedulerLimits;
  /** Requests that wait without a start under way for them. */
  waiting: number;
}

export interface SchedulerLimits {
  /** Instances in any state but stopped. */
  maxInstances: number;
  /** Instances being started at once. */
  maxStarting: number;
  /** Requests waiting without a start under way for them. */
  maxWaiting: number;
}

export type Decision =
  | { kind: 'use'; instanceId: string }
  | { kind: 'load'; instanceId: string }
  | { kind: 'start' }
  /** Stop that one; the request waits for its place. */
  | { kind: 'evict'; instanceId: string }
  /** `promised`: a start under way will serve it. */
  | { kind: 'wait'; promised: boolean }
  | { kind: 'reject' };

export function decide(request: SchedulerRequest, snapshot: SchedulerSnapshot): Decision {
  const { instances, limits } = snapshot;
  const holding = instances.filter((i) => i.state === 'idle' && i.codeKey === request.codeKey);
  const warm = request.reuse ? latest(holding.filter((i) => i.calls > 0)) : undefined;
  const usable = warm ?? latest(holding.filter((i) => i.calls === 0));
  if (usable) return { kind: 'use', instanceId: usable.id };

  const standby = oldest(
    instances.filter((i) => i.state === 'standby' && i.profileKey === request.profileKey),
  );
  if (standby) return { kind: 'load', instanceId: standby.id };

  const starting = instances.filter((i) => i.state === 'starting');
  if (starting.filter((i) => i.profileKey === request.profileKey).length > snapshot.promised)
    return { kind: 'wait', promised: true };

  if (starting.length < limits.maxStarting) {
    if (instances.length < limits.maxInstances) return { kind: 'start' };
    // Each instance being stopped makes room for one request that waits ahead; only beyond those another must go.
    const freeing = instances.filter((i) => i.state === 'stopping').length;
    const victim =
      freeing > snapshot.waiting
        ? undefined
        : oldest(instances.filter((i) => i.state === 'idle' || i.state === 'standby'));
    if (victim) return { kind: 'evict', instanceId: victim.id };
  }
  return snapshot.waiting < limits.maxWaiting ? { kind: 'wait', promised: false } : { kind: 'reject' };
}

function latest(instances: InstanceView[]): InstanceView | undefined {
  return instances.reduce<InstanceView | undefined>(
    (best, i) => (!best || i.since > best.since ? i : best),
    undefined,
  );
}

function oldest(instances: InstanceView[]): InstanceView | undefined {
  return instances.reduce<InstanceView | undefined>(
    (best, i) => (!best || i.since < best.since ? i : best),
    undefined,
  );
}
