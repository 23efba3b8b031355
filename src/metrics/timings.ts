/** Owns a histogram of durations whose numbers stay plain until somebody reads the metrics, for the reason `tallies.ts` has. */
import type { Gauge, Registry } from 'prom-client';
import { SECONDS } from './seconds.js';

type Labels = Record<string, string>;

/** One series of a histogram. */
export class Timing {
  readonly labels: Labels;
  /** By bound, not cumulative; the last is for durations above all bounds. */
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
    // The client's type knows only its own classes, but the client asks no more than `name` and `get` of a metric.
    registry.registerMetric({ name, get } as unknown as Gauge);
  }

  /** A further series, empty. To be added once for the same labels, and kept. */
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
