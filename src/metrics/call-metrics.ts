/** Owns what is counted of finished calls: by function and outcome, how long they took, and whether an instance was ready. */
import { Counter, Histogram, type Registry } from 'prom-client';
import { SECONDS } from './seconds.js';

/** Functions with a label of their own; calls of further functions are counted under `OTHER`. */
const MAX_FUNCTION_LABELS = 200;

/** Calls of a function that is itself called that share this label; there is nothing to tell them by. */
const OTHER = 'other';

const RESULTS: Record<string, string> = { loaded: 'hit', warm: 'hit', standby: 'partial', cold: 'miss' };

export interface FinishedCall {
  funcName: string;
  outcome: string;
  /** How the instance was found; null when the call got none. */
  start: string | null;
  durationMs: number;
}

/** Everything that one kind of call adds to. Bound once: looking labels up costs more than counting. */
interface Series {
  labels: { function: string; outcome: string; start: string };
  count: Counter.Internal;
  duration: Histogram.Internal<'start'>;
  acquired: Counter.Internal | null;
}

export class CallMetrics {
  readonly #calls: Counter<'function' | 'outcome' | 'start'>;
  readonly #durations: Histogram<'start'>;
  readonly #acquires: Counter<'result'>;
  readonly #isDeployed: (funcName: string) => boolean;
  /** Function label → outcome and start → series. */
  readonly #series = new Map<string, Map<string, Series>>();

  /** @param isDeployed a call that ends after its function was deleted does not bring its label back */
  constructor(registry: Registry, isDeployed: (funcName: string) => boolean) {
    const registers = [registry];
    this.#isDeployed = isDeployed;
    this.#calls = new Counter({
      name: 'glambdar_invocations_total',
      help: 'Finished calls by function, outcome and how the instance was found.',
      labelNames: ['function', 'outcome', 'start'],
      registers,
    });
    this.#durations = new Histogram({
      name: 'glambdar_invocation_duration_seconds',
      help: 'From admission to answer.',
      labelNames: ['start'],
      buckets: [...SECONDS],
      registers,
    });
    this.#acquires = new Counter({
      name: 'glambdar_pool_acquires_total',
      help: 'Calls by whether they found an instance ready: hit (loaded, warm), partial (standby), miss (cold).',
      labelNames: ['result'],
      registers,
    });
    for (const result of new Set(Object.values(RESULTS))) this.#acquires.inc({ result }, 0);
  }

  finished({ funcName, outcome, start, durationMs }: FinishedCall): void {
    const { count, duration, acquired } = this.#seriesOf(this.#labelOf(funcName), outcome, start ?? 'none');
    count.inc();
    duration.observe(durationMs / 1000);
    acquired?.inc();
  }

  /** The function is gone: so are its counts, and its label is free for another one. */
  forget(funcName: string): void {
    if (funcName === OTHER) return;
    for (const { labels } of this.#series.get(funcName)?.values() ?? []) this.#calls.remove(labels);
    this.#series.delete(funcName);
  }

  #labelOf(funcName: string): string {
    if (this.#series.has(funcName)) return funcName;
    const taken = this.#series.size - Number(this.#series.has(OTHER));
    return taken < MAX_FUNCTION_LABELS && this.#isDeployed(funcName) ? funcName : OTHER;
  }

  #seriesOf(label: string, outcome: string, start: string): Series {
    let ofFunction = this.#series.get(label);
    if (ofFunction === undefined) this.#series.set(label, (ofFunction = new Map<string, Series>()));
    const key = `${outcome} ${start}`;
    let series = ofFunction.get(key);
    if (series === undefined) {
      const labels = { function: label, outcome, start };
      const result = RESULTS[start];
      series = {
        labels,
        count: this.#calls.labels(labels),
        duration: this.#durations.labels({ start }),
        acquired: result === undefined ? null : this.#acquires.labels({ result }),
      };
      ofFunction.set(key, series);
    }
    return series;
  }
}
