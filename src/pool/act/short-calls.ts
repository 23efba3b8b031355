/**
 * Owns whether as many short calls of one function run in reused instances as should run at once, and noticing when some of
 * those that run turn out to be slow.
 */
import type { Clock } from '../../clock.js';
import type { Queue } from '../../turns/queue.js';
import { isInSlowCall, runsShortly, SLOW_CALL_MS } from '../decide/serve.js';
import type { Demands } from '../demand/demands.js';
import type { InstanceWaiter } from '../requests/instance-waiter.js';
import type { Workload } from '../workload.js';
import type { Fleet } from './fleet.js';

export interface ShortCallsOptions {
  fleet: Fleet;
  demands: Demands;
  queue: Queue<InstanceWaiter>;
  clock: Clock;
}

export class ShortCalls {
  readonly #options: ShortCallsOptions;
  readonly #onSlow: () => void;
  #watching = false;

  /** @param onSlow called when calls that run are slow while others wait: there is room for some of these */
  constructor(options: ShortCallsOptions, onSlow: () => void) {
    this.#options = options;
    this.#onSlow = onSlow;
  }

  /** Whether as many calls of this code run as should run at once. @param now monotonic milliseconds */
  areEnough({ code, reuse }: Workload, now: number): boolean {
    if (!reuse) return false;
    const { fleet, demands } = this.#options;
    const atOnce = demands.atOnce(code.key);
    let running = 0;
    for (const instance of fleet.all) if (runsShortly(instance, code.key, now)) running += 1;
    return running >= atOnce;
  }

  /** To be called when a call begins to wait: looks for slow calls from now on, for as long as any call waits. */
  watch(): void {
    if (this.#watching) return;
    this.#watching = true;
    const { fleet, queue, clock } = this.#options;
    clock.after(SLOW_CALL_MS, () => {
      this.#watching = false;
      if (queue.length === 0) return;
      const now = clock.now();
      if (fleet.all.some((instance) => isInSlowCall(instance, now))) this.#onSlow();
      if (queue.length > 0) this.watch();
    });
  }
}
