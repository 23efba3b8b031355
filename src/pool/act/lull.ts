/**
 * Owns the right moment for work that no call waits for: starting a container or removing one takes both cores of a
 * small machine for a tenth of a second, so it begins when calls pause. Not much later than it should, though.
 */

export interface LullOptions {
  /** Calls pause when none began or ended for this long. */
  quietMs: number;
  /** Nothing waits longer than that. */
  mostMs: number;
  /** Whether calls wait for what this work would free. */
  hurry: () => boolean;
}

export class Lull {
  readonly #options: LullOptions;
  #lastAt = -Infinity;
  /** What waits, the first come first, with the time it has to go at the latest. */
  #waiting: { latest: number; go: () => void }[] = [];
  #timer: NodeJS.Timeout | null = null;

  constructor(options: LullOptions) {
    this.#options = options;
  }

  /** A call began or ended. */
  noted(now: number): void {
    this.#lastAt = now;
  }

  /** Resolves when calls pause, or at the latest when `mostMs` have passed. */
  wait(): Promise<void> {
    const now = performance.now();
    if (this.#dueIn(now, now + this.#options.mostMs) <= 0) return Promise.resolve();
    return new Promise((go) => {
      this.#waiting.push({ latest: now + this.#options.mostMs, go });
      this.#arm(now);
    });
  }

  /** Nothing waits any more: the queue has filled, or the server stops. */
  end(): void {
    if (this.#timer) clearTimeout(this.#timer);
    this.#timer = null;
    for (const { go } of this.#waiting.splice(0)) go();
  }

  #dueIn(now: number, latest: number): number {
    if (this.#options.hurry()) return 0;
    return Math.min(this.#lastAt + this.#options.quietMs, latest) - now;
  }

  #arm(now: number): void {
    const [first] = this.#waiting;
    if (!first || this.#timer) return;
    this.#timer = setTimeout(
      () => {
        this.#timer = null;
        this.#look();
      },
      Math.max(1, this.#dueIn(now, first.latest)),
    );
  }

  #look(): void {
    const now = performance.now();
    const due = this.#waiting.filter(({ latest }) => this.#dueIn(now, latest) <= 0);
    this.#waiting = this.#waiting.filter((each) => !due.includes(each));
    for (const { go } of due) go();
    this.#arm(now);
  }
}
