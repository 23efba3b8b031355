/**
 * Owns which idle instances matter more than others: by rank first, within a rank by worth. The same order decides which
 * instances are made ready first, which stay longest, and which go when room is needed; two orders would undo each other.
 */
import type { FunctionView, InstanceView, Snapshot } from './snapshot.js';

/** The ranks, from the instances that go first to those that stay longest. */
export const RANK = {
  /** Instances that no function wants. */
  unwanted: 0,
  /** An instance that a deploy left loaded, of a function that nobody has called. */
  uncalled: 1,
  /** A function's second ready instance, third, … */
  more: 2,
  standby: 3,
  /** The only ready instance of a function in use. */
  only: 4,
} as const;

export interface Standing {
  rank: (typeof RANK)[keyof typeof RANK];
  /** Compares within one rank. */
  worth: number;
}

/** Compares for a sort: negative when `a` is stopped before `b`. */
export function compareStanding(a: Standing, b: Standing): number {
  return a.rank - b.rank || a.worth - b.worth;
}

/** The standing of a function's n-th ready instance (n ≥ 1). */
export function standingOf(view: FunctionView, n: number): Standing {
  const worth = view.worth(n);
  if (view.wanted === 0) return { rank: RANK.unwanted, worth };
  if (view.uncalled) return { rank: RANK.uncalled, worth };
  return { rank: n > 1 ? RANK.more : RANK.only, worth };
}

export interface RankedInstance<T extends InstanceView = InstanceView> extends Standing {
  instance: T;
}

/**
 * The idle instances in the order in which they are to be stopped. Of several that hold the same code, each has the
 * standing it would have if those before it were gone. Instances of the same standing: the longest idle first.
 */
export function rankIdle<T extends InstanceView>(
  instances: readonly T[],
  snapshot: Pick<Snapshot, 'functionOf' | 'standbyWorth'>,
): RankedInstance<T>[] {
  const idle = instances.filter(isIdle).sort((a, b) => a.since - b.since);
  const ready = new Map<string, number>();
  for (const instance of idle) {
    const code = codeOf(instance);
    if (code !== null) ready.set(code, (ready.get(code) ?? 0) + 1);
  }
  const ranked = idle.map((instance): RankedInstance<T> => {
    const code = codeOf(instance);
    if (code === null)
      return { instance, rank: RANK.standby, worth: snapshot.standbyWorth(instance.profileKey) };
    const n = ready.get(code)!;
    ready.set(code, n - 1);
    const view = snapshot.functionOf(code);
    return view === undefined
      ? { instance, rank: RANK.unwanted, worth: 0 }
      : { instance, ...standingOf(view, n) };
  });
  // `sort` is stable: instances of the same standing stay in the order of their idleness.
  return ranked.sort(compareStanding);
}

/** Whether an instance is neither in use nor starting, loading or stopping: a standby, a loaded or a warm instance. */
export function isIdle({ state }: InstanceView): boolean {
  return state === 'idle' || state === 'standby';
}

/** A standby that any function of its profile may use, as opposed to one that is about to be loaded ahead of calls. */
export function isSpare({ state, intendedFor }: InstanceView): boolean {
  return state === 'standby' && intendedFor === null;
}

/** The code an instance holds, or is about to be loaded with. */
export function codeOf({ codeKey, intendedFor }: InstanceView): string | null {
  return codeKey ?? intendedFor;
}
