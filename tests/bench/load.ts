/**
 * Owns offering load: closed loop (so many callers, each waits for its answer) and open loop (calls come when they come).
 * It runs in the benchmark's own process, which has nothing else to do meanwhile; whatever answers runs in another.
 */
import { setTimeout as sleep } from 'node:timers/promises';

export interface Callers {
  /** So many at once. */
  callers: number;
  seconds: number;
  signal: AbortSignal;
}

/**
 * Every caller calls again as soon as it has its answer, until the time is over or `call` returns false. Rejects with
 * the first error. @returns seconds until the last answer was there
 */
export async function closedLoop(
  { callers, seconds, signal }: Callers,
  call: () => Promise<unknown>,
): Promise<number> {
  const began = performance.now();
  await Promise.all(
    Array.from({ length: callers }, async () => {
      while (performance.now() < began + seconds * 1000) {
        signal.throwIfAborted();
        if ((await call()) === false) return;
      }
    }),
  );
  return (performance.now() - began) / 1000;
}

export interface Arrivals {
  /** Calls per second, on average. */
  rate: number;
  seconds: number;
  /** Numbers in [0, 1) for exponential gaps (a Poisson process); without it the gaps are equal. */
  random?: () => number;
  signal: AbortSignal;
}

/**
 * Calls at their times, whatever became of the earlier ones. Resolves when all have ended; `call` must not reject.
 * @returns how many, and the worst lateness of our own timer in milliseconds
 */
export async function openLoop(
  { rate, seconds, random, signal }: Arrivals,
  call: (index: number) => Promise<void>,
): Promise<{ calls: number; lateMs: number }> {
  const began = performance.now();
  const end = began + seconds * 1000;
  const gap = (): number => ((random ? -Math.log(1 - random()) : 1) / rate) * 1000;
  const under: Promise<void>[] = [];
  let lateMs = 0;
  for (let due = began + gap(); due < end; due += gap()) {
    const wait = due - performance.now();
    if (wait > 0) await sleep(wait, undefined, { signal });
    else signal.throwIfAborted();
    lateMs = Math.max(lateMs, performance.now() - due);
    under.push(call(under.length));
  }
  await Promise.all(under);
  return { calls: under.length, lateMs };
}
