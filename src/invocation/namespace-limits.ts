/** Owns the limits of a namespace's calls: how many at once, and how many a minute, whatever functions they are of. */
import { GlambdarError } from '../errors.js';
import type { Quota } from '../model/account/quota.js';

const MINUTE_MS = 60_000;

/** With more namespaces than this, those that have had no call lately are forgotten. */
const MANY = 1_000;

interface Usage {
  running: number;
  /** Calls in the minute that began at `since`, and in the minute before it. */
  current: number;
  before: number;
  /** Monotonic milliseconds. */
  since: number;
}

export class NamespaceLimits {
  readonly #quotaOf: (namespace: string) => Pick<Quota, 'concurrentCalls' | 'callsPerMinute'>;
  readonly #usage = new Map<string, Usage>();

  constructor(quotaOf: (namespace: string) => Pick<Quota, 'concurrentCalls' | 'callsPerMinute'>) {
    this.#quotaOf = quotaOf;
  }

  /**
   * Takes one place and counts one call. Throws RATE_LIMITED or CONCURRENCY_LIMIT, taking nothing. Give the place back with `leave`.
   * @param now monotonic milliseconds
   */
  enter(namespace: string, now = performance.now()): void {
    const usage = this.#usage.get(namespace) ?? this.#add(namespace, now);
    const { concurrentCalls, callsPerMinute } = this.#quotaOf(namespace);
    if (concurrentCalls !== null && usage.running >= concurrentCalls)
      throw new GlambdarError(
        'CONCURRENCY_LIMIT',
        `The functions of this namespace already run ${usage.running} ${usage.running === 1 ? 'call' : 'calls at once'}, and its quota is ${concurrentCalls}; try again later.`,
        { retryAfterSeconds: 1 },
      );
    if (callsPerMinute !== null) {
      turn(usage, now);
      const made = usage.current + usage.before * (1 - (now - usage.since) / MINUTE_MS);
      if (made + 1 > callsPerMinute)
        throw new GlambdarError(
          'RATE_LIMITED',
          `The functions of this namespace were called ${Math.ceil(made)} times within a minute, and its quota is ${callsPerMinute}; try again later.`,
          { retryAfterSeconds: secondsUntilRoom(usage, callsPerMinute, now) },
        );
      usage.current += 1;
    }
    usage.running += 1;
  }

  leave(namespace: string): void {
    const usage = this.#usage.get(namespace);
    if (usage !== undefined) usage.running -= 1;
  }

  /** Instead of `leave`, for a call that another limit refuses at the same moment: it does not count in this minute. */
  withdraw(namespace: string): void {
    const usage = this.#usage.get(namespace);
    if (usage === undefined) return;
    usage.running -= 1;
    usage.current = Math.max(0, usage.current - 1);
  }

  /** Calls of the namespace that run or wait now. */
  running(namespace: string): number {
    return this.#usage.get(namespace)?.running ?? 0;
  }

  /** Calls of all namespaces that run or wait now. */
  runningInAll(): number {
    return [...this.#usage.values()].reduce((sum, { running }) => sum + running, 0);
  }

  /** Of a namespace whose last minute began two minutes ago nothing counts any more. */
  #add(namespace: string, now: number): Usage {
    if (this.#usage.size >= MANY)
      for (const [other, { running, since }] of this.#usage)
        if (running === 0 && now - since >= 2 * MINUTE_MS) this.#usage.delete(other);
    const usage = { running: 0, current: 0, before: 0, since: now };
    this.#usage.set(namespace, usage);
    return usage;
  }
}

/** Begins another minute when the current one is over. */
function turn(usage: Usage, now: number): void {
  const minutes = Math.floor((now - usage.since) / MINUTE_MS);
  if (minutes < 1) return;
  usage.before = minutes === 1 ? usage.current : 0;
  usage.current = 0;
  usage.since += minutes * MINUTE_MS;
}

/** When `made` will be one below the limit: as the minute before moves out of sight, or else in the next minute. */
function secondsUntilRoom({ current, before, since }: Usage, limit: number, now: number): number {
  const passed = now - since;
  const inThisMinute = before > 0 ? MINUTE_MS * (1 - (limit - 1 - current) / before) : Infinity;
  const inTheNext = current > 0 ? MINUTE_MS * (2 - Math.min(1, Math.max(0, limit - 1) / current)) : MINUTE_MS;
  const at = inThisMinute <= MINUTE_MS && inThisMinute >= passed ? inThisMinute : inTheNext;
  return Math.max(1, Math.ceil((at - passed) / 1000));
}
