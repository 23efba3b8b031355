/**
 * Owns how many instances should be ready: pure functions. An instance that a call takes is away until it is replaced
 * (or comes back), so calls that find none ready are the lost calls of Erlang's system of n servers without a queue.
 */

/** The share of calls that may find no instance ready. */
export const MAX_LOSS = 0.01;

/**
 * Erlang's B formula (Erlang 1917) by its stable recursion: the share of calls that find all servers taken.
 * @param servers number of servers, ≥ 0
 * @param load arrivals per second × seconds a server is taken by each, in erlang
 */
export function erlangB(servers: number, load: number): number {
  let loss = 1;
  for (let n = 1; n <= servers; n += 1) loss = (load * loss) / (n + load * loss);
  return loss;
}

/** The least number of servers that loses at most `maxLoss` of the calls, and no more than `most`. 0 without load. */
export function serversFor(load: number, most: number, maxLoss = MAX_LOSS): number {
  if (!(load > 0)) return 0;
  let loss = 1;
  let n = 0;
  while (loss > maxLoss && n < most) {
    n += 1;
    loss = (load * loss) / (n + load * loss);
  }
  return n;
}

export interface Traffic {
  /** Calls per second. */
  rate: number;
  /** Seconds from a call taking an instance until the instance is replaced, or comes back. */
  awaySeconds: number;
  /** The most calls that came lately within `awaySeconds`: the same burst again should find as many instances. */
  burst: number;
}

/** How many instances of a function in use should be ready: at least one; and never more than `most`. */
export function readyFor({ rate, awaySeconds, burst }: Traffic, most: number): number {
  return Math.max(1, Math.min(most, Math.max(serversFor(rate * awaySeconds, most), Math.ceil(burst))));
}
