/** Owns noting when keys were used last: in memory at once, in the store now and then. */
import type { Clock } from '../clock.js';
import type { Logger } from '../logger.js';
import type { AccountStore } from '../store/account-store.js';

const WRITE_AFTER_MS = 60_000;

export interface KeyUsesOptions {
  store: AccountStore;
  clock: Clock;
  /** Epoch milliseconds. */
  now: () => number;
  logger: Pick<Logger, 'warn'>;
}

export class KeyUses {
  readonly #options: KeyUsesOptions;
  #usedAt = new Map<string, number>();
  #cancel: (() => void) | undefined;
  #closed = false;

  constructor(options: KeyUsesOptions) {
    this.#options = options;
  }

  note(id: string): void {
    this.#usedAt.set(id, this.#options.now());
    if (this.#closed) return;
    this.#cancel ??= this.#options.clock.after(WRITE_AFTER_MS, () => void this.flush());
  }

  /** Writes what was noted. A failure is logged, and what could not be written is given up. */
  async flush(): Promise<void> {
    this.#cancel?.();
    this.#cancel = undefined;
    if (this.#usedAt.size === 0) return;
    const usedAt = this.#usedAt;
    this.#usedAt = new Map();
    const { store, logger } = this.#options;
    await store.touchKeys(usedAt).catch((err: unknown) => {
      logger.warn({ err }, 'the times of the last use of keys could not be written');
    });
  }

  /** Writes what was noted, and starts no further timer. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.flush();
  }
}
