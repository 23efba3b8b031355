/** Owns which idle instances are more than what is wanted. Pure but for what it is given. */
import type { Demands } from './demands.js';
import { readyCounts } from './refill-plan.js';
import type { InstanceView } from './scheduler.js';

/** Loaded for a version that is being deployed, or that nobody will ask for: after this it is the latter. */
const UNKNOWN_MS = 60_000;

/**
 * Those to stop: the ones idle for longest first. Instances that were called go by their own time, if they are of use.
 * @param surplusMs how long what is ready beyond what is wanted is kept, should it be wanted again
 */
export function surplusOf<T extends InstanceView>(
  instances: readonly T[],
  demands: Demands,
  now: number,
  surplusMs: number,
): T[] {
  const surplus: T[] = [];
  const excess = new Map<string, number>();
  const ready = readyCounts(instances);
  const byAge = [...instances].sort((a, b) => a.since - b.since);
  for (const { profileKey, target } of demands.standbys(now)) {
    const there = instances.filter((i) => isSpare(i) && i.profileKey === profileKey).length;
    excess.set(profileKey, there - target);
  }
  for (const instance of byAge) {
    const { state, codeKey, profileKey, calls, since } = instance;
    const idleMs = now - since;
    if (isSpare(instance)) {
      // A profile that nobody uses wants none.
      const over = excess.get(profileKey) ?? Infinity;
      if (over <= 0 || idleMs < surplusMs) continue;
      excess.set(profileKey, over - 1);
      surplus.push(instance);
    } else if (state === 'idle' && codeKey !== null && calls > 0) {
      // Its function has been told meanwhile that it may not be used again.
      if (demands.of(codeKey)?.workload.reuse === false) surplus.push(instance);
    } else if (state === 'idle' && codeKey !== null) {
      const demand = demands.of(codeKey);
      if (!demand) {
        if (idleMs >= UNKNOWN_MS) surplus.push(instance);
        continue;
      }
      const over = excess.get(codeKey) ?? ready(codeKey) - demands.limit(demand, now);
      // An exact number is meant exactly, and what is not in use has been kept for its time.
      const exact = demand.workload.standby !== null || !demand.inUse(now);
      if (over <= 0 || (!exact && idleMs < surplusMs)) continue;
      excess.set(codeKey, over - 1);
      surplus.push(instance);
    }
  }
  return surplus;
}

/** A standby for whoever comes; others are about to be loaded. */
function isSpare({ state, intendedFor }: InstanceView): boolean {
  return state === 'standby' && intendedFor === null;
}
