/**
 * Owns the right moment for work that no call waits for: starting a container or removing one takes both cores of a
 * small machine for a tenth of a second, so it begins when calls pause, or after a bounded wait.
 */
import type { Clock } from '../../clock.js';

export interface LullOptions {
  clock: Clock;
  /** Calls pause when none began or ended for this long. */
  quietMs: number;
  /** The longest that any work waits. */
  mostMs: number;
  /** Whether calls wait for places that this work would free: then no work waits. */
  hurry: () => boolean;
}

export class Lull {
  readonly #options: LullOptions;
  #lastAt = -Infinity;
  /** Work that waits, in the order of its arrival, with the latest moment for it to begin, in monotonic milliseconds. */
  #waiting: { latest: number; go: () => void }[] = [];
  #cancelTimer: (() => void) | null = null;

  constructor(options: LullOptions) {
    this.#options = options;
  }

  /** A call began or ended. */
  noted(now: number): void {
    this.#lastAt = now;
  }

  /** Resolves when calls pause, or at the latest when `mostMs` have passed. */
  wait(): Promise<void> {
    const now = this.#options.clock.now();
    if (this.#dueIn(now, now + this.#options.mostMs) <= 0) return Promise.resolve();
    return new Promise((go) => {
      this.#waiting.push({ latest: now + this.#options.mostMs, go });
      this.#arm(now);
    });
  }

  /** Lets all waiting work begin: a call has queued, or the server stops. */
  end(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = null;
    for (const { go } of this.#waiting.splice(0)) go();
  }

  #dueIn(now: number, latest: number): number {
    if (this.#options.hurry()) return 0;
    return Math.min(this.#lastAt + this.#options.quietMs, latest) - now;
  }

  #arm(now: number): void {
    const [first] = this.#waiting;
    if (!first || this.#cancelTimer) return;
    this.#cancelTimer = this.#options.clock.after(Math.max(1, this.#dueIn(now, first.latest)), () => {
      this.#cancelTimer = null;
      this.#look();
    });
  }

  #look(): void {
    const now = this.#options.clock.now();
    const due = this.#waiting.filter(({ latest }) => this.#dueIn(now, latest) <= 0);
    this.#waiting = this.#waiting.filter((each) => !due.includes(each));
    for (const { go } of due) go();
    this.#arm(now);
  }
}
