/** Owns the metrics of finished calls: their number by function and outcome, their durations, and whether an instance was ready. */
import type { Registry } from 'prom-client';
import type { FunctionId } from '../model/function/id.js';
import { Tallies, type Tally } from './tallies.js';
import { Timings, type Timing } from './timings.js';

/** Functions with a label of their own; calls of further functions are counted under `OTHER`. */
const MAX_FUNCTION_LABELS = 200;

/** The label of all further functions. A function that is itself named "other" shares this label, and cannot be told apart. */
const OTHER = 'other';

const RESULTS: Record<string, string> = { loaded: 'hit', warm: 'hit', standby: 'partial', cold: 'miss' };

export interface FinishedCall {
  functionId: FunctionId;
  outcome: string;
  /** How the instance was found; null when the call got none. */
  start: string | null;
  durationMs: number;
}

/** The series that calls with the same labels add to, looked up once: looking labels up costs more than counting. */
interface Series {
  count: Tally;
  duration: Timing;
  acquired: Tally | null;
}

export class CallMetrics {
  readonly #calls: Tallies;
  readonly #durations: Timings;
  readonly #durationByStart = new Map<string, Timing>();
  readonly #acquires = new Map<string, Tally>();
  readonly #labelOf: (id: FunctionId) => string | undefined;
  /** Function id, or `OTHER` → its label, and outcome and start → series. */
  readonly #series = new Map<FunctionId | typeof OTHER, { label: string; counts: Map<string, Series> }>();

  /**
   * @param labelOf the name of a function, with its namespace unless that is `default`; undefined when it is not deployed, so that a
   * call which ends after its function was deleted does not bring the label back
   */
  constructor(registry: Registry, labelOf: (id: FunctionId) => string | undefined) {
    this.#labelOf = labelOf;
    this.#calls = new Tallies(
      registry,
      'glambdar_invocations_total',
      'Finished calls by function, outcome and how the instance was found.',
      ['function', 'outcome', 'start'],
    );
    this.#durations = new Timings(
      registry,
      'glambdar_invocation_duration_seconds',
      'From admission to answer.',
    );
    const acquires = new Tallies(
      registry,
      'glambdar_pool_acquires_total',
      'Calls by whether they found an instance ready: hit (loaded, warm), partial (standby), miss (cold).',
      ['result'],
    );
    for (const result of new Set(Object.values(RESULTS)))
      this.#acquires.set(result, acquires.add({ result }));
  }

  finished({ functionId, outcome, start, durationMs }: FinishedCall): void {
    const counted = this.#countedAs(functionId);
    const { count, duration, acquired } = this.#seriesOf(counted, outcome, start ?? 'none');
    count.n += 1;
    duration.observe(durationMs / 1000);
    if (acquired !== null) acquired.n += 1;
  }

  /** Removes the counts of a deleted function, which makes its label free for another function. */
  forget(id: FunctionId): void {
    for (const { count } of this.#series.get(id)?.counts.values() ?? []) this.#calls.remove(count);
    this.#series.delete(id);
  }

  #countedAs(id: FunctionId): FunctionId | typeof OTHER {
    if (this.#series.has(id)) return id;
    const taken = this.#series.size - Number(this.#series.has(OTHER));
    return taken < MAX_FUNCTION_LABELS && this.#labelOf(id) !== undefined ? id : OTHER;
  }

  #seriesOf(counted: FunctionId | typeof OTHER, outcome: string, start: string): Series {
    let ofFunction = this.#series.get(counted);
    if (ofFunction === undefined) {
      const label = counted === OTHER ? OTHER : (this.#labelOf(counted) ?? OTHER);
      this.#series.set(counted, (ofFunction = { label, counts: new Map<string, Series>() }));
    }
    const key = `${outcome} ${start}`;
    let series = ofFunction.counts.get(key);
    if (series === undefined) {
      series = {
        count: this.#calls.add({ function: ofFunction.label, outcome, start }),
        duration: this.#durationOf(start),
        acquired: this.#acquires.get(RESULTS[start] ?? '') ?? null,
      };
      ofFunction.counts.set(key, series);
    }
    return series;
  }

  #durationOf(start: string): Timing {
    const known = this.#durationByStart.get(start) ?? this.#durations.add({ start });
    this.#durationByStart.set(start, known);
    return known;
  }
}
