/** Owns whether the daemon answers: asks it twice a second and reports changes. */
import { DriverError, type DriverHealth } from '../driver.js';

export interface DockerHealthOptions {
  /** Rejects with `DriverError` when the daemon is away or does not answer in time. */
  ping: () => Promise<void>;
  intervalMs: number;
}

/** A daemon that stops is noticed within one interval, one that freezes within one interval and the ping's limit. */
export class DockerHealth {
  readonly #options: DockerHealthOptions;
  readonly #listeners = new Set<(health: DriverHealth) => void>();
  #failure: DriverError | undefined;
  #answeredAt = performance.now();
  #closed = false;
  #timer: NodeJS.Timeout | undefined;
  #asking = false;

  constructor(options: DockerHealthOptions) {
    this.#options = options;
  }

  /** Begins to ask. Until a ping fails the daemon counts as available. */
  open(): void {
    this.#answeredAt = performance.now();
    this.#schedule();
  }

  current(): DriverHealth {
    if (this.#failure === undefined) return { available: true };
    // Only the error of a time limit has no cause: the daemon is there and says nothing.
    if (this.#failure.kind === 'unavailable' && this.#failure.cause === undefined) {
      const seconds = Math.round((performance.now() - this.#answeredAt) / 1000);
      return { available: false, reason: `Docker does not answer (frozen for ${seconds} s).` };
    }
    return { available: false, reason: this.#failure.message };
  }

  /** Calls back on every change between available and not. */
  onChange(listener: (health: DriverHealth) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Resolves with the result of `work`; rejects as soon as the daemon is known to be away, before the call's own time limit. */
  async whileAvailable<T>(work: () => Promise<T>): Promise<T> {
    const refused = (health: DriverHealth): DriverError | undefined =>
      health.available ? undefined : new DriverError('unavailable', health.reason);
    const now = refused(this.current());
    if (now !== undefined) throw now;
    let unwatch = (): unknown => undefined;
    const away = new Promise<never>((_resolve, reject) => {
      unwatch = this.onChange((health) => {
        const error = refused(health);
        if (error !== undefined) reject(error);
      });
    });
    return await Promise.race([work(), away]).finally(unwatch);
  }

  /** Asks at once: the caller saw a sign that the daemon is gone. */
  poke(): void {
    if (!this.#asking && !this.#closed) void this.#ask();
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#listeners.clear();
  }

  #schedule(): void {
    this.#timer = setTimeout(() => void this.#ask(), this.#options.intervalMs);
  }

  async #ask(): Promise<void> {
    clearTimeout(this.#timer);
    this.#asking = true;
    let failure: DriverError | undefined;
    try {
      await this.#options.ping();
      this.#answeredAt = performance.now();
    } catch (error) {
      failure =
        error instanceof DriverError
          ? error
          : new DriverError('failed', (error as Error).message, { cause: error });
    }
    this.#asking = false;
    if (this.#closed) return;
    const changed = (failure === undefined) !== (this.#failure === undefined);
    this.#failure = failure;
    this.#schedule();
    if (changed) for (const listener of [...this.#listeners]) listener(this.current());
  }
}
