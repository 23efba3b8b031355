/**
 * Owns whether as many short calls of one function run in reused instances as should run at once, and noticing when some of
 * those that run turn out to be slow.
 */
import type { Clock } from '../../clock.js';
import type { Instance } from '../../instance/instance.js';
import { LONG_CALL_MS } from '../../instance/wire/worker-connection.js';
import type { Queue } from '../../turns/queue.js';
import { isInSlowCall, runningShortly } from '../decide/serve.js';
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
  /** When the next look is due, monotonic milliseconds; null: none is. */
  #due: number | null = null;
  #cancel: () => void = () => undefined;

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
    return runningShortly(fleet.all, code.key, atOnce, now) >= atOnce.calls;
  }

  /**
   * To be called when a call of this code begins to wait, or is sent ahead: looks for slow calls from now on, for as long as
   * calls wait in the queue or in an instance.
   */
  watch({ code }: Workload, now: number): void {
    this.#lookAfter(this.#options.demands.atOnce(code.key).slowMs, now);
  }

  #lookAfter(ms: number, now: number): void {
    if (this.#due !== null && this.#due <= now + ms) return;
    this.#cancel();
    this.#due = now + ms;
    this.#cancel = this.#options.clock.after(ms, () => this.#look());
  }

  #look(): void {
    const { fleet, queue, clock } = this.#options;
    const now = clock.now();
    this.#due = null;
    const slow = fleet.all.filter((instance) => isInSlowCall(instance, now, this.#slowMsOf(instance)));
    // The calls that wait in their workers are wanted back, to be served elsewhere.
    for (const instance of slow) instance.recall();
    if (queue.length > 0 && slow.length > 0) this.#onSlow();
    const nextMs = this.#leastSlowMs();
    if (nextMs < Infinity) this.#lookAfter(nextMs, now);
  }

  /** The least time after which a call under way counts as slow that others wait for, milliseconds; Infinity when none waits. */
  #leastSlowMs(): number {
    const { fleet, queue, demands } = this.#options;
    let least = fleet.all.some(({ ahead }) => ahead > 0) ? LONG_CALL_MS : Infinity;
    for (const { waiter } of queue.list()) {
      const { code, reuse } = waiter.request.workload;
      if (reuse) least = Math.min(least, demands.atOnce(code.key).slowMs);
    }
    return least;
  }

  #slowMsOf({ ahead, codeKey }: Instance): number {
    // Calls that were brief when they were sent ahead wait there, whatever has become of the function since.
    if (ahead > 0) return LONG_CALL_MS;
    return codeKey === null ? Infinity : this.#options.demands.atOnce(codeKey).slowMs;
  }
}
