/**
 * Owns waiting awake for what comes in a moment. A process that sleeps while a worker computes for a tenth of a
 * millisecond pays as much again for being woken: the processor must leave its idle state, in a virtual machine with the
 * help of its host. Schedulers spin before they sleep for the same reason (Go's; Erlang's `+sbwt`).
 *
 * It costs a core, so it is done only while it pays: most things came within the window lately, and fewer calls run than
 * there are cores.
 */

export interface BusyWaitOptions {
  /** The longest that is waited awake; 0: never. */
  windowMs: number;
  /** With more calls than this under way the cores have better things to do. */
  maxCalls: number;
  /** Monotonic milliseconds. */
  now?: () => number;
  /** Runs something when all that has come was dealt with; the process must not sleep before. */
  next?: (work: () => void) => void;
}

/** How fast the past is forgotten, and the share that must have come in time. */
const MEMORY = 0.05;
const LEAST_SHARE = 0.3;

export class BusyWait {
  readonly #windowMs: number;
  readonly #maxCalls: number;
  readonly #now: () => number;
  readonly #next: (work: () => void) => void;
  /** Smoothed share of what came within the window. */
  #share = 0;
  #expectedAt = -Infinity;
  #until = 0;
  #awake = false;

  constructor({ windowMs, maxCalls, now, next }: BusyWaitOptions) {
    this.#windowMs = windowMs;
    this.#maxCalls = maxCalls;
    this.#now = now ?? (() => performance.now());
    this.#next = next ?? setImmediate;
  }

  /** Something may come at any moment. @param calls under way */
  expect(calls: number): void {
    if (this.#windowMs === 0) return;
    const now = this.#now();
    this.#expectedAt = now;
    if (calls > this.#maxCalls || this.#share < LEAST_SHARE) return;
    this.#until = now + this.#windowMs;
    if (this.#awake) return;
    this.#awake = true;
    this.#next(this.#look);
  }

  /** It has come. */
  came(): void {
    if (this.#expectedAt === -Infinity) return;
    const inTime = this.#now() - this.#expectedAt < this.#windowMs;
    this.#expectedAt = -Infinity;
    this.#share += MEMORY * (Number(inTime) - this.#share);
    this.#until = 0;
  }

  readonly #look = (): void => {
    this.#awake = this.#now() < this.#until;
    if (this.#awake) this.#next(this.#look);
  };
}
