/**
 * Owns one question: which instances should be made ready ahead of calls, now? A pure function of what is there and what
 * is wanted; the replenisher carries out.
 *
 * Order: functions in use that have nothing ready → the standbys each profile should have → the others, by what one more
 * is worth. Calls that wait go first: while some do, functions are refilled in their turn only (`due`).
 */
import type { InstanceView } from './scheduler.js';

/** What a function should have ready. */
export interface Want {
  codeKey: string;
  profileKey: string;
  /** Instances that are in calls come back, so they count. */
  reuse: boolean;
  target: number;
  /** Up to so many it may be refilled although calls wait. */
  due: number;
  /** What its n-th ready instance is worth. */
  worth: (n: number) => number;
  /** Memory one takes. */
  bytes: number;
}

/** What a profile should have ready for functions that have nothing. */
export interface StandbyWant {
  profileKey: string;
  target: number;
  /** Of those, how many loading ahead must leave. */
  reserve: number;
  bytes: number;
}

export interface RefillSnapshot {
  instances: readonly InstanceView[];
  wants: readonly Want[];
  standbys: readonly StandbyWant[];
  limits: {
    /** Instances there may be after a start. */
    maxInstances: number;
    /** Starts under way after one more. */
    maxStarting: number;
    /** Loads ahead under way after one more. */
    maxLoading: number;
  };
  /** Calls wait for a start. */
  backlog: boolean;
  /** Memory that idle instances may take beyond what they take and what is on its way. */
  freeBytes: number;
}

export type Refill =
  | { kind: 'load'; instanceId: string; codeKey: string }
  | { kind: 'start'; profileKey: string; intendedFor: string | null };

/** What is begun first, and stays longest: a function's only ready one, then standbys, then what is more. */
export const RANK = { more: 0, standby: 1, floor: 2 } as const;

/** What did not fit into the memory. */
export interface Shortage {
  rank: (typeof RANK)[keyof typeof RANK];
  /** Compares those of one rank. */
  worth: number;
  bytes: number;
}

const NO_STANDBY = { reserve: 0, target: 0, bytes: 0 };

/** What to begin now, in order. `short` is the first that did not fit: idle ones of less rank or worth may go for it. */
export function planRefills(snapshot: RefillSnapshot): { refills: Refill[]; short: Shortage | null } {
  const { instances, limits, backlog } = snapshot;
  const refills: Refill[] = [];
  const ready = new Map<string, number>();
  const standby = new Map<string, InstanceView[]>();
  const coming = new Map<string, number>();
  let starting = 0;
  let loading = 0;
  for (const instance of instances) {
    const { state, intendedFor, profileKey, calls } = instance;
    const codeKey = instance.codeKey ?? intendedFor;
    if (state === 'starting') starting += 1;
    if (state === 'loading' && intendedFor !== null) loading += 1;
    const counts = state === 'idle' || state === 'busy' || intendedFor !== null;
    if (codeKey !== null && counts && state !== 'stopping')
      add(ready, key(codeKey, state === 'busy' || calls > 0), 1);
    else if (state === 'standby') standby.set(profileKey, [...(standby.get(profileKey) ?? []), instance]);
    else if (state === 'starting') add(coming, profileKey, 1);
  }
  let total = instances.length;
  let free = snapshot.freeBytes;
  let short = null as Shortage | null;

  const shortage = (want: Want | StandbyWant): Shortage => {
    const { bytes } = want;
    // Standbys do not go for one another.
    if (!('worth' in want)) return { rank: RANK.standby, worth: 0, bytes };
    const n = has(want) + 1;
    return { rank: n === 1 ? RANK.floor : RANK.more, worth: want.worth(n), bytes };
  };
  /** Of standbys that are still to come: they go before what is more. */
  const missingBytes = (): number =>
    snapshot.standbys.reduce((sum, { profileKey, target, bytes }) => {
      const there = (standby.get(profileKey)?.length ?? 0) + (coming.get(profileKey) ?? 0);
      return sum + Math.max(0, target - there) * bytes;
    }, 0);
  const canStart = (): boolean => starting < limits.maxStarting && total < limits.maxInstances;
  const start = (want: Want | StandbyWant, intendedFor: string | null): boolean => {
    if (!canStart()) return false;
    if (want.bytes > free) {
      short ??= shortage(want);
      return false;
    }
    refills.push({ kind: 'start', profileKey: want.profileKey, intendedFor });
    starting += 1;
    total += 1;
    free -= want.bytes;
    return true;
  };
  const standbys = new Map(snapshot.standbys.map((want) => [want.profileKey, want]));
  const refill = (want: Want, floor: boolean): boolean => {
    const { codeKey, profileKey } = want;
    const there = standby.get(profileKey) ?? [];
    const { reserve, target, bytes } = standbys.get(profileKey) ?? NO_STANDBY;
    // Code takes more than a standby. And what makes one miss takes the room of its replacement; only a function that
    // has nothing goes before that.
    const replaced = !floor && there.length + (coming.get(profileKey) ?? 0) <= target;
    const room = Math.max(0, want.bytes - bytes) + (replaced ? bytes : 0);
    if (there.length > reserve && loading < limits.maxLoading && room <= Math.max(0, free)) {
      free -= room;
      refills.push({ kind: 'load', instanceId: there.shift()!.id, codeKey });
      loading += 1;
    } else if (!start(want, codeKey)) return false;
    add(ready, key(codeKey, false), 1);
    return true;
  };
  const has = (want: Want): number =>
    (ready.get(key(want.codeKey, false)) ?? 0) + (want.reuse ? (ready.get(key(want.codeKey, true)) ?? 0) : 0);
  const lacks = (want: Want): boolean => has(want) < want.target && (!backlog || has(want) < want.due);

  const floors = snapshot.wants.filter((want) => has(want) === 0 && lacks(want));
  // What was let go for one that is worth more must not come back in its place.
  for (const want of floors.sort((a, b) => b.worth(1) - a.worth(1))) refill(want, true);
  if (!backlog)
    for (const want of snapshot.standbys) {
      const { profileKey } = want;
      let missing = want.target - (standby.get(profileKey)?.length ?? 0) - (coming.get(profileKey) ?? 0);
      for (; missing > 0 && start(want, null); missing -= 1) add(coming, profileKey, 1);
    }
  const open = snapshot.wants.filter(lacks);
  while (open.length > 0) {
    const values = open.map((want) => want.worth(has(want) + 1));
    const best = values.reduce((most, value, index) => (value > values[most]! ? index : most), 0);
    const want = open[best]!;
    if (!refill(want, false) || !lacks(want)) open.splice(best, 1);
  }
  if (short?.rank === RANK.more) short = { ...short, bytes: short.bytes + missingBytes() };
  return { refills, short };
}

/** Idle instances by the code they hold. */
export function readyCounts(instances: readonly InstanceView[]): (codeKey: string) => number {
  const counts = new Map<string, number>();
  for (const { state, codeKey } of instances)
    if (state === 'idle' && codeKey !== null) counts.set(codeKey, (counts.get(codeKey) ?? 0) + 1);
  return (codeKey) => counts.get(codeKey) ?? 0;
}

/** Those that were called are of use only where that may be. */
function key(codeKey: string, called: boolean): string {
  return called ? `called ${codeKey}` : codeKey;
}

function add(counts: Map<string, number>, name: string, by: number): void {
  counts.set(name, (counts.get(name) ?? 0) + by);
}
