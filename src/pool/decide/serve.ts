/**
 * Owns one question: what should happen to one call, given the instances there are? Pure.
 *
 * Preference: a warm instance (where reuse is allowed) → a loaded one → one that is being loaded ahead with this code →
 * a standby → a start already under way that no request ahead has a claim on → a new start, within the limits → evict the
 * idle instance that matters least (and start when it is gone) → wait.
 */
import type { AtOnce, InstanceView, RequestView } from './snapshot.js';

/**
 * A call that has run for this long is none of its function's short ones: it waits for something, and leaves the core to others.
 * Much longer than short calls take while containers start beside them.
 */
export const SLOW_CALL_MS = 1_000;

/** For functions whose calls are not known to be short. */
export const UNBOUNDED: AtOnce = { calls: Infinity, instances: Infinity, ahead: 0, slowMs: SLOW_CALL_MS };

/** The instances one call finds, and the limits that apply. The limits are counted on demand: most calls need no new place. */
export interface Offer<T extends InstanceView> {
  /** Monotonic milliseconds. */
  now: number;
  instances: readonly T[];
  /** Whether a request ahead waits for this instance to be ready. */
  isClaimed(instance: T): boolean;
  maxInstances(): number;
  maxStarting(): number;
  /** Requests ahead that wait without an instance on its way. */
  unserved: number;
  /** How many calls of this code should run at once. */
  atOnce(): AtOnce;
  /** The idle instance that matters least to others; undefined where none may go. */
  victim(): T | undefined;
}

export type Service<T extends InstanceView> =
  | { kind: 'use'; instance: T }
  | { kind: 'load'; instance: T }
  | { kind: 'start' }
  /** Stop this instance; the call waits for its place. */
  | { kind: 'evict'; instance: T }
  /** `instance`: the starting or loading instance that will serve the call, or null while there is none. */
  | { kind: 'wait'; instance: T | null };

/** What a call needs of an instance. */
export type Need = Pick<RequestView, 'codeKey' | 'profileKey' | 'reuse'>;

export function serve<T extends InstanceView>(need: Need, offer: Offer<T>): Service<T> {
  const { profileKey, codeKey, reuse } = need;
  let usable: T | undefined;
  let standby: T | undefined;
  let loading: T | undefined;
  let coming: T | undefined;
  let starting = 0;
  let freeing = 0;
  /** Instances that hold this code or are being loaded with it, and those of them in calls; without those in slow calls. */
  let own = 0;
  let inCalls = 0;
  for (const instance of offer.instances) {
    const mine = instance.intendedFor === null || instance.intendedFor === codeKey;
    if (instance.codeKey === codeKey && instance.state !== 'stopping' && !isInSlowCall(instance, offer.now)) {
      own += 1;
      if (instance.state === 'busy') inCalls += 1;
    }
    switch (instance.state) {
      case 'idle':
        if (mayServe(need, instance)) usable = better(usable, instance);
        break;
      case 'standby':
        if (mine && instance.profileKey === profileKey) standby = older(standby, instance);
        break;
      case 'loading':
        if (
          instance.intendedFor === codeKey &&
          instance.profileKey === profileKey &&
          !offer.isClaimed(instance)
        )
          loading = older(loading, instance);
        break;
      case 'starting':
        starting += 1;
        if (mine && instance.profileKey === profileKey && !offer.isClaimed(instance))
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
  // More calls at once would only share the cores between more containers: a call is over sooner when it waits for an instance.
  if (reuse && inCalls > 0) {
    const atOnce = offer.atOnce();
    const isEnough = runningShortly(offer.instances, codeKey, atOnce, offer.now) >= atOnce.calls;
    if (isEnough || (!usable && own >= atOnce.instances)) return { kind: 'wait', instance: null };
  }
  if (usable) return { kind: 'use', instance: usable };
  if (loading) return { kind: 'wait', instance: loading };
  if (standby) return { kind: 'load', instance: standby };
  if (coming) return { kind: 'wait', instance: coming };
  if (starting < offer.maxStarting()) {
    if (offer.instances.length < offer.maxInstances()) return { kind: 'start' };
    // Each instance being stopped makes room for one request that waits ahead; another is evicted only when they are too few,
    // and for no more requests than may start: a flooded function would stop all idle instances, to start a few.
    const enough = Math.min(offer.unserved + 1, offer.maxStarting());
    const victim = freeing >= enough ? undefined : offer.victim();
    if (victim) return { kind: 'evict', instance: victim };
  }
  return { kind: 'wait', instance: null };
}

/**
 * Whether a loaded or warm instance may serve a call. One with the call's code may have another profile, and may have been
 * called: the settings `timeoutMs` and `isolation` make no new version.
 */
export function mayServe({ codeKey, profileKey, reuse }: Need, instance: InstanceView): boolean {
  return (
    instance.codeKey === codeKey && instance.profileKey === profileKey && (reuse || instance.calls === 0)
  );
}

/** How many instances run a call of this code that may be a short one. */
export function runningShortly(
  instances: readonly InstanceView[],
  codeKey: string,
  { slowMs }: AtOnce,
  now: number,
): number {
  let running = 0;
  for (const instance of instances)
    if (instance.state === 'busy' && instance.codeKey === codeKey && !isInSlowCall(instance, now, slowMs))
      running += 1;
  return running;
}

/** Whether an instance is in a call that has run for as long as no short one does. @param slowMs see `AtOnce` */
export function isInSlowCall(
  { state, since }: InstanceView,
  now: number,
  slowMs: number = SLOW_CALL_MS,
): boolean {
  return state === 'busy' && now - since >= slowMs;
}

/** Prefers an instance that was called before, then the most recently used one. */
function better<T extends InstanceView>(best: T | undefined, other: T): T {
  if (!best) return other;
  const warmer = Number(other.calls > 0) - Number(best.calls > 0);
  return warmer > 0 || (warmer === 0 && other.since > best.since) ? other : best;
}

function older<T extends InstanceView>(oldest: T | undefined, other: T): T {
  return !oldest || other.since < oldest.since ? other : oldest;
}
