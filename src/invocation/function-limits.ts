/** Owns a function's own limits: requests per second and calls at once. */
import { GlambdarError } from '../errors.js';
import type { FunctionRecord } from '../model/function/function.js';
import type { FunctionId } from '../model/function/id.js';

interface Usage {
  running: number;
  tokens: number;
  /** Monotonic milliseconds of the last refill. */
  filledAt: number;
  rate: number;
  isForgotten: boolean;
}

export class FunctionLimits {
  readonly #usage = new Map<FunctionId, Usage>();

  /**
   * Takes one place and one token of the function's bucket (rate = rateLimit, burst = max(1, 10 % of rateLimit)).
   * Throws RATE_LIMITED or CONCURRENCY_LIMIT, taking nothing. Give the place back with `leave`.
   * @param now monotonic milliseconds
   */
  enter({ id, ref, settings }: FunctionRecord, now = performance.now()): void {
    const { name } = ref;
    const { rateLimit, maxConcurrency } = settings;
    const burst = Math.max(1, rateLimit / 10);
    let usage = this.#usage.get(id);
    if (!usage) {
      usage = { running: 0, tokens: burst, filledAt: now, rate: rateLimit, isForgotten: false };
      this.#usage.set(id, usage);
    }
    if (maxConcurrency !== null && usage.running >= maxConcurrency)
      throw new GlambdarError(
        'CONCURRENCY_LIMIT',
        `"${name}" already runs ${usage.running} ${usage.running === 1 ? 'call' : 'calls at once'}, as many as its maxConcurrency allows; try again later.`,
        { retryAfterSeconds: 1 },
      );
    if (rateLimit > 0) {
      // A changed rate begins with a full bucket.
      if (usage.rate !== rateLimit) usage.tokens = burst;
      usage.tokens = Math.min(burst, usage.tokens + ((now - usage.filledAt) / 1000) * rateLimit);
      usage.filledAt = now;
      usage.rate = rateLimit;
      if (usage.tokens < 1)
        throw new GlambdarError(
          'RATE_LIMITED',
          `"${name}" allows ${rateLimit} ${rateLimit === 1 ? 'request' : 'requests'} per second, ${spacing(rateLimit, burst)}, as its rateLimit says; try again later.`,
          {
            retryAfterSeconds: Math.max(1, Math.ceil((1 - usage.tokens) / rateLimit)),
          },
        );
      usage.tokens -= 1;
    }
    usage.running += 1;
  }

  leave(id: FunctionId): void {
    const usage = this.#usage.get(id);
    if (usage === undefined) return;
    usage.running -= 1;
    if (usage.isForgotten && usage.running === 0) this.#usage.delete(id);
  }

  /** Forgets a deleted function, once none of its calls runs any more. */
  forget(id: FunctionId): void {
    const usage = this.#usage.get(id);
    if (usage === undefined) return;
    usage.isForgotten = true;
    if (usage.running === 0) this.#usage.delete(id);
  }
}

/** How calls may follow each other, e.g. `one every 500 ms`. @param rate calls per second */
function spacing(rate: number, burst: number): string {
  const ms = 1_000 / rate;
  const rounded = ms < 10 ? Math.round(ms * 10) / 10 : Math.round(ms);
  const every = `one every ${rounded < 1_000 ? `${rounded} ms` : `${Math.round(ms / 100) / 10} s`}`;
  const atOnce = Math.floor(burst);
  return atOnce === 1 ? every : `${atOnce} at once and then ${every}`;
}
