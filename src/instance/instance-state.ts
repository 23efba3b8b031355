/**
 * Owns the states of an instance and which may follow which.
 *
 *   starting → standby → loading → idle → busy → stopping → stopped
 *                                   ↑_______|      (only isolation "function")
 */

export const INSTANCE_STATES = [
  'starting',
  'standby',
  'loading',
  'idle',
  'busy',
  'stopping',
  'stopped',
] as const;
export type InstanceState = (typeof INSTANCE_STATES)[number];

const next: Record<InstanceState, readonly InstanceState[]> = {
  starting: ['standby', 'stopping'],
  standby: ['loading', 'stopping'],
  loading: ['idle', 'stopping'],
  idle: ['busy', 'stopping'],
  busy: ['idle', 'stopping'],
  stopping: ['stopped'],
  stopped: [],
};

/** Throws when the transition is not in the table: that is a bug of ours, never a caller's. */
export function assertTransition(from: InstanceState, to: InstanceState): void {
  if (!next[from].includes(to)) throw new Error(`an instance cannot go from ${from} to ${to}`);
}
