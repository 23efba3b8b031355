/** Owns a clock that tests move: nothing passes by itself. */
import type { Clock } from '../../src/clock.js';

interface Timer {
  at: number;
  callback: () => void;
}

export class ManualClock implements Clock {
  #now = 1_000_000;
  #stalledMs = 0;
  readonly #timers = new Set<Timer>();

  now(): number {
    return this.#now;
  }

  after(ms: number, callback: () => void): () => void {
    const timer = { at: this.#now + ms, callback };
    this.#timers.add(timer);
    return () => void this.#timers.delete(timer);
  }

  stalledMs(): number {
    return this.#stalledMs;
  }

  /** Lets so many milliseconds pass; timers call back when their time comes, the earliest first. */
  move(ms: number): void {
    const until = this.#now + ms;
    for (;;) {
      const [next] = [...this.#timers].filter(({ at }) => at <= until).sort((a, b) => a.at - b.at);
      if (next === undefined) break;
      this.#timers.delete(next);
      this.#now = Math.max(this.#now, next.at);
      next.callback();
    }
    this.#now = until;
  }

  /** The process stands still for so long: timers that were due call back together when it goes on. */
  stall(ms: number): void {
    this.#now += ms;
    this.#stalledMs += ms;
    const due = [...this.#timers].filter(({ at }) => at <= this.#now);
    for (const timer of due) this.#timers.delete(timer);
    for (const { callback } of due) callback();
  }
}
