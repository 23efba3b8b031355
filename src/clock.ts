/**
 * Owns time: a monotonic clock that is injected wherever time is measured or waited for, so that tests can move it. The
 * clock also knows how long the process itself stood still (SIGSTOP, a blocked event loop) and could receive no answers.
 */

/** A source of time. All times are monotonic milliseconds. */
export interface Clock {
  now(): number;
  /** Calls back once after so many milliseconds. The returned function cancels. */
  after(ms: number, callback: () => void): () => void;
  /** How long this process has stood still altogether, up to now. */
  stalledMs(): number;
}

/** How often the clock checks whether the process stood still, and how late a check may be before it counts as a stall. */
const LOOK_MS = 250;
const LATE_MS = 250;

/** The real clock. */
class SystemClock implements Clock {
  #stalledMs = 0;
  #lookedAt = performance.now();
  #looking = false;

  now(): number {
    return performance.now();
  }

  after(ms: number, callback: () => void): () => void {
    const timer = setTimeout(callback, ms);
    return () => clearTimeout(timer);
  }

  stalledMs(): number {
    this.#look();
    return this.#stalledMs;
  }

  #look(): void {
    const now = performance.now();
    if (!this.#looking) {
      this.#looking = true;
      setInterval(() => this.#look(), LOOK_MS).unref();
    } else {
      const lateMs = now - this.#lookedAt - LOOK_MS;
      if (lateMs > LATE_MS) this.#stalledMs += lateMs;
    }
    this.#lookedAt = now;
  }
}

export const systemClock: Clock = new SystemClock();

/**
 * Calls back when `limitMs` have passed, not counting stalls of this process: an answer that came during a stall has not
 * been read when the timer fires. Before the callback, sockets are read once more.
 * @returns a function that cancels the deadline
 */
export function deadline(clock: Clock, limitMs: number, expired: () => void): () => void {
  let stalledMs = clock.stalledMs();
  let over = false;
  let cancel = clock.after(limitMs, check);
  function check(): void {
    const forgivenMs = clock.stalledMs() - stalledMs;
    stalledMs += forgivenMs;
    if (forgivenMs > 0) cancel = clock.after(Math.min(forgivenMs, limitMs), check);
    // Timers run before sockets are read.
    else setImmediate(() => !over && expired());
  }
  return () => {
    over = true;
    cancel();
  };
}
