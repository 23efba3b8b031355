/** Owns what a signal to end the process means: it stops the server, or ends at once what the first one let finish. */
import type { Clock } from '../clock.js';

/**
 * Signals closer together than this are one. A terminal sends Ctrl-C to npm and to the server, and npm hands it on within
 * milliseconds; nobody presses a key twice that quickly.
 */
const SAME_SIGNAL_MS = 200;

export class StopSignals {
  readonly #clock: Pick<Clock, 'now'>;
  /** When the last one came that was not ignored; null before the first. */
  #countedAt: number | null = null;

  constructor(clock: Pick<Clock, 'now'>) {
    this.#clock = clock;
  }

  /** Takes a signal that came now. @returns what it asks for */
  receive(): 'stop' | 'hurry' | 'ignore' {
    const now = this.#clock.now();
    const before = this.#countedAt;
    if (before !== null && now - before < SAME_SIGNAL_MS) return 'ignore';
    this.#countedAt = now;
    return before === null ? 'stop' : 'hurry';
  }
}

/**
 * The sentence for people who have pressed Ctrl-C.
 * @param running calls that run or wait now
 */
export function stoppingText(running: number, graceMs: number): string {
  if (running === 0) return 'stopping';
  const calls = running === 1 ? 'a call' : `${running} calls`;
  return `stopping: waiting up to ${graceMs / 1_000} s for ${calls}; press Ctrl-C again to end ${running === 1 ? 'it' : 'them'} now`;
}
