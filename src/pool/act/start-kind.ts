/** Owns how a call found its instance, and how long it waited for what: both are read off the instance's history. */
import type { Instance } from '../../instance/instance.js';
import type { StartKind } from '../../model/call/call.js';
import type { AcquireTimes } from './lease.js';

type History = Pick<Instance, 'calls' | 'moments'>;

/** @param arrivedAt when the call came, monotonic milliseconds  @param instance before it begins this call */
export function startKindOf({ calls, moments }: History, arrivedAt: number): StartKind {
  if (calls > 0) return 'warm';
  if (moments.loaded !== null && moments.loaded <= arrivedAt) return 'loaded';
  return moments.ready !== null && moments.ready <= arrivedAt ? 'standby' : 'cold';
}

/** Whether an instance was made ready for this code ahead of calls. To be asked before the instance is reserved. */
export function wasAhead(
  { calls, state, intendedFor }: Pick<Instance, 'calls' | 'state' | 'intendedFor'>,
  codeKey: string,
): boolean {
  return calls === 0 && (state === 'idle' || intendedFor === codeKey);
}

/** How a call's time was spent: the parts of the instance's start and load after the call came; the rest was waiting. */
export function timesOf({ moments }: Pick<History, 'moments'>, arrivedAt: number, now: number): AcquireTimes {
  const startMs = overlap(arrivedAt, moments.created, moments.ready);
  const loadMs = overlap(arrivedAt, moments.loadBegun, moments.loaded);
  return { queueMs: Math.max(0, now - arrivedAt - startMs - loadMs), startMs, loadMs };
}

function overlap(since: number, from: number | null, to: number | null): number {
  return from === null || to === null ? 0 : Math.max(0, to - Math.max(since, from));
}
