/** Owns which idle instances have no reason to stay, even when nothing else needs their room. Pure. */
import type { Draft, DraftInstance } from './draft.js';
import { isSpare } from './rank.js';
import type { StopReason } from './snapshot.js';

/**
 * A loaded instance whose function the pool does not know may belong to a deploy in progress. After this long, nobody will
 * ask for it.
 */
const UNKNOWN_MS = 60_000;

/** Stops unwanted idle instances, the longest idle first. Instances whose code a waiting request asks for stay. */
export function stopUnwanted(draft: Draft): void {
  const { snapshot, instances } = draft;
  const asked = new Set(snapshot.requests.map(({ codeKey }) => codeKey));
  /** How many more instances there are than wanted: standbys by profile key, loaded instances by code key. */
  const excess = new Map<string, number>();
  for (const { profileKey, target } of snapshot.standbys())
    excess.set(
      profileKey,
      instances.filter((i) => isSpare(i) && i.profileKey === profileKey).length - target,
    );
  const byAge = [...instances].sort((a, b) => a.since - b.since);
  for (const instance of byAge) {
    const reason = isSpare(instance)
      ? spareReason(instance)
      : instance.state === 'idle' && !asked.has(instance.codeKey!)
        ? loadedReason(instance)
        : null;
    if (reason !== null) draft.stop(instance, reason);
  }

  function spareReason({ profileKey, since }: DraftInstance): StopReason | null {
    // A profile that nobody uses wants no standbys.
    const over = excess.get(profileKey) ?? Infinity;
    if (over <= 0 || snapshot.now - since < snapshot.surplusMs) return null;
    excess.set(profileKey, over - 1);
    return 'surplus';
  }

  function loadedReason({ id, profileKey, codeKey, calls, since }: DraftInstance): StopReason | null {
    const code = codeKey!;
    const idleMs = snapshot.now - since;
    if (snapshot.retired.has(code)) return 'retired';
    if (snapshot.restless.has(id)) return 'restless';
    const view = snapshot.functionOf(code);
    if (view === undefined) {
      // A call was admitted, and its version replaced before the call had an instance.
      if (calls > 0) return 'retired';
      return idleMs >= UNKNOWN_MS ? 'retired' : null;
    }
    if (profileKey !== view.profileKey) return 'retired';
    if (calls > 0) {
      if (!view.reuse) return 'not-reusable';
      return idleMs >= snapshot.keepAliveMs ? 'expired' : null;
    }
    const over = excess.get(code) ?? ready(code) - view.wanted;
    if (over <= 0 || (!view.exact && idleMs < snapshot.surplusMs)) return null;
    excess.set(code, over - 1);
    return 'surplus';
  }

  function ready(code: string): number {
    return instances.filter(({ state, codeKey }) => state === 'idle' && codeKey === code).length;
  }
}
