/** Owns what is said of a list of samples: medians, quantiles, extremes. */

/** The unit is the samples' own. */
export interface Summary {
  n: number;
  p50: number;
  p99: number;
  min: number;
  max: number;
}

/** Throws for no samples: a figure made of nothing is not a figure. */
export function summary(samples: readonly number[]): Summary {
  const sorted = ascending(samples);
  return {
    n: sorted.length,
    p50: median(sorted),
    p99: quantile(sorted, 0.99),
    min: sorted[0]!,
    max: sorted.at(-1)!,
  };
}

/** The middle one, or the mean of the two in the middle. Throws for no samples. */
export function median(samples: readonly number[]): number {
  const sorted = ascending(samples);
  const middle = sorted.length / 2;
  return sorted.length % 2 === 1 ? sorted[Math.floor(middle)]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** By nearest rank: always one of the samples, the largest when there are few. @param share 0–1 */
export function quantile(samples: readonly number[], share: number): number {
  const sorted = ascending(samples);
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)]!;
}

function ascending(samples: readonly number[]): number[] {
  if (samples.length === 0) throw new Error('there are no samples');
  return [...samples].sort((a, b) => a - b);
}

/** Uniform numbers in [0, 1), the same ones in every run with the same seed (mulberry32). */
export function seededRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
