/** Owns the bucket bounds of all histograms of durations, so that graphs of different parts can be compared. */

/** Upper bounds in seconds, from a warm call to the longest wait of a queue. */
export const SECONDS: readonly number[] = [
  0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30,
];
