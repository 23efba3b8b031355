/**
 * Owns removing containers that nobody wants any more: those of earlier runs of this server, of starts that were given up (a
 * frozen daemon may still carry out an aborted create when it wakes), and of removals that failed.
 */
import type { Logger } from '../../../logger.js';

export interface ReaperOptions {
  /** All containers of this data directory; `id` is undefined for one of an earlier run of the server. */
  list: () => Promise<{ dockerId: string; id: string | undefined }[]>;
  remove: (dockerId: string) => Promise<void>;
  isLive: (id: string) => boolean;
  intervalMs: number;
  logger: Pick<Logger, 'info' | 'warn'>;
}

/** dockerd removes about ten containers a second on two cores, however many removals it is given; more at once only slow down starts. */
const atOnce = 4;

/** Removes orphans when told, and periodically. */
export class Reaper {
  readonly #options: ReaperOptions;
  #timer: NodeJS.Timeout | undefined;
  #sweep: Promise<number> | undefined;

  constructor(options: ReaperOptions) {
    this.#options = options;
  }

  open(): void {
    this.#timer = setInterval(() => void this.sweep().catch(() => undefined), this.#options.intervalMs);
  }

  close(): void {
    clearInterval(this.#timer);
  }

  /** @returns how many were removed; joins a sweep under way. Rejects when the daemon is away. */
  sweep(): Promise<number> {
    this.#sweep ??= this.#run().finally(() => (this.#sweep = undefined));
    return this.#sweep;
  }

  async #run(): Promise<number> {
    const { list, remove, isLive, logger } = this.#options;
    // A container is live before it exists, so no container in the list can become live later.
    const orphans = (await list()).filter(({ id }) => id === undefined || !isLive(id));
    let removed = 0;
    const next = orphans.values();
    const work = async (): Promise<void> => {
      for (const { dockerId } of next) {
        try {
          await remove(dockerId);
          removed += 1;
        } catch (error) {
          logger.warn({ err: error, dockerId }, 'could not remove an orphaned container; trying again later');
        }
      }
    };
    await Promise.all(Array.from({ length: atOnce }, work));
    if (removed > 0) logger.info({ removed }, 'removed orphaned containers');
    return removed;
  }
}
