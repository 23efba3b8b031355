/** Owns a histogram of durations whose numbers stay plain until the metrics are read, for the reason given in `tallies.ts`. */
import type { Gauge, Registry } from 'prom-client';
import { SECONDS } from './seconds.js';

type Labels = Record<string, string>;

/** One series of a histogram. */
export class Timing {
  readonly labels: Labels;
  /** Number of durations by bound, not cumulative; the last is for durations above all bounds. */
  readonly counts: number[] = [...SECONDS, Infinity].map(() => 0);
  sum = 0;

  constructor(labels: Labels) {
    this.labels = labels;
  }

  observe(seconds: number): void {
    let at = 0;
    while (at < SECONDS.length && seconds > SECONDS[at]!) at += 1;
    this.counts[at]! += 1;
    this.sum += seconds;
  }
}

export class Timings {
  readonly #name: string;
  readonly #all: Timing[] = [];

  constructor(registry: Registry, name: string, help: string) {
    this.#name = name;
    const get = async (): Promise<object> => ({ name, help, type: 'histogram', values: this.#values() });
    // prom-client's type takes only its own classes, but prom-client uses only `name` and `get` of a metric.
    registry.registerMetric({ name, get } as unknown as Gauge);
  }

  /** Adds an empty series. To be called once for the same labels; the caller keeps the series. */
  add(labels: Labels): Timing {
    const timing = new Timing(labels);
    this.#all.push(timing);
    return timing;
  }

  #values(): object[] {
    return this.#all.flatMap(({ labels, counts, sum }) => {
      let upTo = 0;
      const buckets = counts.map((count, at) => ({
        metricName: `${this.#name}_bucket`,
        labels: { le: SECONDS[at] ?? '+Inf', ...labels },
        value: (upTo += count),
      }));
      const sums = { metricName: `${this.#name}_sum`, labels, value: sum };
      return [...buckets, sums, { metricName: `${this.#name}_count`, labels, value: upTo }];
    });
  }
}
