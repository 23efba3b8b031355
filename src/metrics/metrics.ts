/** Owns what is counted, in Prometheus's terms. Labels come from closed sets, except function names, which are capped. */
import { Counter, Gauge, Registry } from 'prom-client';

/** Functions with a label of their own; calls of further ones are counted under "other". */
const MAX_FUNCTION_LABELS = 200;

const STATES = ['starting', 'standby', 'loading', 'loaded', 'warm', 'busy', 'stopping'];
const RESULTS: Record<string, string> = { loaded: 'hit', warm: 'hit', standby: 'partial', cold: 'miss' };

export interface Metrics {
  /** One finished call. */
  invocation(call: { funcName: string; outcome: string; start: string | null; durationMs: number }): void;
  /** One HTTP request; the route is a template, never a path. */
  request(request: { route: string; method: string; status: number; seconds: number }): void;
  /**
   * An instance went from one state to another, after `previousMs` in the first; null = it was made. Idle ones are told
   * apart: loaded (never called) and warm.
   */
  transition(from: string | null, to: string, previousMs: number): void;
  /** A function has again what a call took of it, after so many milliseconds. */
  refilled(ms: number): void;
  text(): Promise<{ contentType: string; body: string }>;
}

export interface Gauges {
  queueLength: () => number;
  queueAgeMs: () => number;
  createdPerSecond: () => number;
  /** Memory that idle instances take, as measured, and may take. */
  idleBytes: () => number;
  idleBudgetBytes: number;
  recordsDropped: () => number;
  driverAvailable: () => boolean;
  functions: () => number;
}

export function createMetrics(gauges: Gauges): Metrics {
  const registry = new Registry();
  const registers = [registry];
  const seconds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];
  const counter = (name: string, help: string, labelNames: string[]): Tallies => {
    const tallies = new Tallies();
    new Counter({
      name,
      help,
      labelNames,
      registers,
      collect() {
        this.reset();
        for (const { labels, n } of tallies.all) this.inc(labels, n);
      },
    });
    return tallies;
  };
  const timings = (name: string, help: string): Timings => new Timings(name, help, seconds, registry);
  const calls = counter(
    'glambdar_invocations_total',
    'Finished calls by function, outcome and how the instance was found.',
    ['function', 'outcome', 'start'],
  );
  const duration = timings('glambdar_invocation_duration_seconds', 'From admission to answer.');
  const requests = timings(
    'glambdar_http_request_duration_seconds',
    'HTTP requests by route template, method and status.',
  );
  const instances = new Tallies();
  new Gauge({
    name: 'glambdar_instances',
    help: 'Instances by state.',
    labelNames: ['state'],
    registers,
    collect() {
      for (const { labels, n } of instances.all) this.set(labels, n);
    },
  });
  const ready = timings(
    'glambdar_instance_start_seconds',
    'From the decision to start an instance to its worker being ready.',
  ).add({});
  const refill = timings(
    'glambdar_refill_seconds',
    'From taking a loaded instance to having another in its place.',
  ).add({});
  const acquired = counter(
    'glambdar_pool_acquires_total',
    'Calls by whether they found an instance ready: hit (loaded, warm), partial (standby), miss (cold).',
    ['result'],
  );
  const created = counter('glambdar_instances_created_total', 'Containers that were begun.', []).add({});
  const sample = (name: string, help: string, read: () => number): void => {
    new Gauge({
      name,
      help,
      registers,
      collect() {
        this.set(read());
      },
    });
  };
  sample('glambdar_queue_length', 'Calls that wait for an instance.', gauges.queueLength);
  sample(
    'glambdar_queue_age_seconds',
    'How long the first of them has waited.',
    () => gauges.queueAgeMs() / 1000,
  );
  sample('glambdar_idle_memory_bytes', 'Measured memory of all idle instances.', gauges.idleBytes);
  sample(
    'glambdar_idle_memory_budget_bytes',
    'What all idle instances may take.',
    () => gauges.idleBudgetBytes,
  );
  sample(
    'glambdar_instances_created_per_second',
    'Containers begun per second, over about ten seconds.',
    () => Math.round(gauges.createdPerSecond() * 1000) / 1000,
  );
  sample(
    'glambdar_records_dropped',
    'Records of calls given up because the disk did not take them.',
    gauges.recordsDropped,
  );
  sample('glambdar_driver_available', '1 while containers can be started.', () =>
    Number(gauges.driverAvailable()),
  );
  sample('glambdar_functions', 'Deployed functions.', gauges.functions);
  sample('glambdar_process_resident_memory_bytes', 'Memory of the server.', () => process.memoryUsage.rss());

  const functions = new Set<string>();
  const durations = new Children((start) => duration.add({ start }));
  const results = new Children((result) => acquired.add({ result }));
  const finished = new Children((label, outcome, start) => ({
    count: calls.add({ function: label, outcome, start }),
    duration: durations.of(start),
    acquired: RESULTS[start] === undefined ? null : results.of(RESULTS[start]),
  }));
  const answered = new Children((route, method, status) => requests.add({ route, method, status }));
  const inState = new Children((state) => instances.add({ state }));
  for (const state of STATES) inState.of(state);
  for (const result of new Set(Object.values(RESULTS))) results.of(result);
  return {
    invocation({ funcName, outcome, start, durationMs }) {
      if (functions.size < MAX_FUNCTION_LABELS) functions.add(funcName);
      const child = finished.of(functions.has(funcName) ? funcName : 'other', outcome, start ?? 'none');
      child.count.n += 1;
      child.duration.observe(durationMs / 1000);
      if (child.acquired) child.acquired.n += 1;
    },
    request({ route, method, status, seconds: taken }) {
      answered.of(route, method, String(status)).observe(taken);
    },
    transition(from, to, previousMs) {
      if (from === null) created.n += 1;
      else inState.of(from).n -= 1;
      if (to !== 'stopped') inState.of(to).n += 1;
      if (from === 'starting' && to === 'standby') ready.observe(previousMs / 1000);
    },
    refilled(ms) {
      refill.observe(ms / 1000);
    },
    async text() {
      return { contentType: registry.contentType, body: await registry.metrics() };
    },
  };
}

type Labels = Record<string, string>;

/** The numbers of one metric, plain until somebody asks: the client's own counting was 4 % of the server's work for a call. */
class Tallies {
  readonly all: { readonly labels: Labels; n: number }[] = [];

  add(labels: Labels): { n: number } {
    const tally = { labels, n: 0 };
    this.all.push(tally);
    return tally;
  }
}

class Times {
  readonly labels: Labels;
  /** By bound, not cumulative; the last is for what is above them all. */
  readonly counts: number[];
  readonly #bounds: readonly number[];
  sum = 0;

  constructor(labels: Labels, bounds: readonly number[]) {
    this.labels = labels;
    this.#bounds = bounds;
    this.counts = [...bounds, Infinity].map(() => 0);
  }

  observe(seconds: number): void {
    let at = 0;
    while (at < this.#bounds.length && seconds > this.#bounds[at]!) at += 1;
    this.counts[at]! += 1;
    this.sum += seconds;
  }
}

/** A histogram, as plain as `Tallies`. */
class Timings {
  readonly #bounds: readonly number[];
  readonly #all: Times[] = [];

  constructor(name: string, help: string, bounds: readonly number[], registry: Registry) {
    this.#bounds = bounds;
    const get = async (): Promise<object> => ({ name, help, type: 'histogram', values: this.#values(name) });
    // The client's type knows only its own classes; it asks no more than this of them.
    registry.registerMetric({ name, get } as unknown as Gauge);
  }

  add(labels: Labels): Times {
    const times = new Times(labels, this.#bounds);
    this.#all.push(times);
    return times;
  }

  #values(name: string): object[] {
    return this.#all.flatMap(({ labels, counts, sum }) => {
      let upTo = 0;
      const buckets = counts.map((count, at) => ({
        metricName: `${name}_bucket`,
        labels: { le: this.#bounds[at] ?? '+Inf', ...labels },
        value: (upTo += count),
      }));
      const sums = { metricName: `${name}_sum`, labels, value: sum };
      return [...buckets, sums, { metricName: `${name}_count`, labels, value: upTo }];
    });
  }
}

/** Children of a metric by the values of their labels; these come from closed sets, so neither grows without bound. */
class Children<T> {
  readonly #make: (...values: [string, string, string]) => T;
  readonly #made = new Map<string, Map<string, Map<string, T>>>();

  constructor(make: (...values: [string, string, string]) => T) {
    this.#make = make;
  }

  of(first: string, second = '', third = ''): T {
    let seconds = this.#made.get(first);
    if (seconds === undefined) this.#made.set(first, (seconds = new Map<string, Map<string, T>>()));
    let thirds = seconds.get(second);
    if (thirds === undefined) seconds.set(second, (thirds = new Map<string, T>()));
    let child = thirds.get(third);
    if (child === undefined) thirds.set(third, (child = this.#make(first, second, third)));
    return child;
  }
}
