/**
 * Owns made-up situations and histories for the golden tests of the pool's decisions: the same number always gives the
 * same one. What was decided for each of them is in `decisions.json`.
 */
import type { InstanceState } from '../../../../../src/instance/instance-state.js';

/** Numbers from 0 to 1, the same for the same seed (mulberry32). */
export function randomNumbers(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** An instance as the deciding functions see it. */
export interface MadeUpInstance {
  id: string;
  state: InstanceState;
  profileKey: string;
  codeKey: string | null;
  intendedFor: string | null;
  calls: number;
  since: number;
}

/** One request that looks for an instance. */
export interface MadeUpRequest {
  request: { profileKey: string; codeKey: string; reuse: boolean };
  instances: MadeUpInstance[];
  claimed: string[];
  limits: { maxInstances: number; maxStarting: number };
  waiting: number;
  /** What each instance is worth, by id. */
  worth: Record<string, number>;
}

/** Functions that were called for a minute, the instances there are then, and how much memory those may take. */
export interface MadeUpHistory {
  /** `memoryMb` chooses the profile. `callsPerMinute` 0: last called long ago. */
  functions: { key: string; callsPerMinute: number; memoryMb: number; standby: number | null }[];
  instances: MadeUpInstance[];
  minStandby: number;
  /** In units of one idle instance's memory. */
  places: number;
  limits: { maxInstances: number; maxStarting: number; maxLoading: number };
}

const CODES = ['c', 'd', 'e'];
const STATES: InstanceState[] = ['starting', 'standby', 'loading', 'idle', 'busy', 'stopping'];

/** The code `e` is the only one of profile `q`. */
function profileOf(code: string): string {
  return code === 'e' ? 'q' : 'p';
}

function choice<T>(random: () => number, values: readonly T[]): T {
  return values[Math.floor(random() * values.length)]!;
}

function instance(
  random: () => number,
  id: string,
  profile: (code: string) => string,
  now: number,
): MadeUpInstance {
  const state = choice(random, STATES);
  const code = choice(random, CODES);
  const ahead = random() < 0.5 && ['starting', 'standby', 'loading'].includes(state);
  const holds = ['loading', 'idle', 'busy'].includes(state);
  return {
    id,
    state,
    profileKey: profile(code),
    codeKey: holds ? code : null,
    intendedFor: ahead ? code : null,
    calls: state === 'busy' ? 1 : state === 'idle' ? Math.floor(random() * 2) : 0,
    since: now - Math.floor(random() * 90_000),
  };
}

export function madeUpRequest(seed: number): MadeUpRequest {
  const random = randomNumbers(seed);
  const codeKey = choice(random, CODES);
  const instances = Array.from({ length: Math.floor(random() * 9) }, (_, n) =>
    instance(random, `i${n}`, profileOf, 100_000),
  );
  return {
    request: { profileKey: profileOf(codeKey), codeKey, reuse: random() < 0.4 },
    instances,
    claimed: instances.filter(() => random() < 0.3).map(({ id }) => id),
    limits: { maxInstances: 1 + Math.floor(random() * 9), maxStarting: 1 + Math.floor(random() * 4) },
    waiting: Math.floor(random() * 4),
    worth: Object.fromEntries(instances.map(({ id }) => [id, choice(random, [0, 1, 2, Number.MAX_VALUE])])),
  };
}

/** @param profileKeyOf the key of the profile with that much memory  @param now monotonic milliseconds at the end of the minute */
export function madeUpHistory(
  seed: number,
  profileKeyOf: (memoryMb: number) => string,
  now: number,
): MadeUpHistory {
  const random = randomNumbers(seed);
  const memoryOf = (code: string): number => (code === 'e' ? 512 : 128);
  const functions = CODES.map((key) => ({
    key,
    callsPerMinute: choice(random, [0, 1, 6, 60, 300]),
    memoryMb: memoryOf(key),
    standby: random() < 0.15 ? Math.floor(random() * 3) : null,
  }));
  const instances = Array.from({ length: Math.floor(random() * 10) }, (_, n) =>
    instance(random, `i${n}`, (code) => profileKeyOf(memoryOf(code)), now),
  ).map((each) => (each.calls > 0 && each.state === 'idle' ? { ...each, calls: 0 } : each));
  return {
    functions,
    instances,
    minStandby: Math.floor(random() * 4),
    places: choice(random, [0, 2, 4, 8, 100]),
    limits: {
      maxInstances: 4 + Math.floor(random() * 12),
      maxStarting: 1 + Math.floor(random() * 4),
      maxLoading: 2,
    },
  };
}
