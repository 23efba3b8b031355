/**
 * Owns looking after idle instances, once a second: how much memory they take, whether they compute, and whether a tree of
 * each function in use is prepared.
 */
import type { Clock } from '../../clock.js';
import type { Instance } from '../../instance/instance.js';
import type { Logger } from '../../logger.js';
import { isIdle } from '../decide/rank.js';
import type { Demands } from '../demand/demands.js';
import type { Fleet } from './fleet.js';
import type { MemoryLedger } from './memory-ledger.js';
import type { TreeStock } from './tree-stock.js';

const LOOK_MS = 1_000;

export interface IdleWatchOptions {
  fleet: Fleet;
  trees: TreeStock;
  demands: Demands;
  ledger: MemoryLedger;
  clock: Clock;
  available: () => boolean;
  /** Called with the ids of instances that compute although nothing was asked of them. */
  onRestless: (instanceIds: ReadonlySet<string>) => void;
  /** Called after each look: new measurements, and the time that has passed, may change which instances are wanted. */
  onLooked: () => void;
  logger: Logger;
}

export class IdleWatch {
  readonly #options: IdleWatchOptions;
  #cancel: () => void = () => undefined;
  #open = true;

  constructor(options: IdleWatchOptions) {
    this.#options = options;
    this.#schedule();
  }

  close(): void {
    this.#open = false;
    this.#cancel();
  }

  async #look(): Promise<void> {
    const { fleet, trees, demands, ledger, clock, available, logger, onRestless, onLooked } = this.#options;
    if (available()) {
      const now = clock.now();
      // A call that finds no loaded instance then at least finds its files linked, which may be thousands.
      for (const { code } of demands.inUse(now)) trees.prepare(code).catch(() => undefined);
      try {
        const restless = await ledger.sample(fleet.all.filter(isIdle), now);
        const loaded = restless.filter(({ state }) => state === 'idle');
        for (const instance of loaded) this.#noteRestless(instance);
        if (loaded.length > 0) onRestless(new Set(loaded.map(({ id }) => id)));
      } catch (err) {
        logger.debug({ err }, 'memory of idle instances could not be measured');
      }
      onLooked();
    }
    this.#schedule();
  }

  #noteRestless({ codeKey }: Instance): void {
    const { demands, clock, logger } = this.#options;
    const demand = codeKey === null ? undefined : demands.of(codeKey);
    logger.warn(
      { function: demand?.workload.code.load.name },
      'an idle instance computes without a call; stopped',
    );
    demand?.loading.failed(clock.now());
  }

  #schedule(): void {
    if (this.#open) this.#cancel = this.#options.clock.after(LOOK_MS, () => void this.#look());
  }
}
