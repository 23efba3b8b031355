/** Owns what is counted, in Prometheus's terms. Labels come from closed sets, except function names, which are capped. */
import { Counter, Gauge, Histogram, Registry } from 'prom-client';

/** Functions with a label of their own; calls of further ones are counted under "other". */
const MAX_FUNCTION_LABELS = 200;

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
  const calls = new Counter({
    name: 'glambdar_invocations_total',
    help: 'Finished calls by function, outcome and how the instance was found.',
    labelNames: ['function', 'outcome', 'start'],
    registers,
  });
  const duration = new Histogram({
    name: 'glambdar_invocation_duration_seconds',
    help: 'From admission to answer.',
    labelNames: ['start'],
    buckets: seconds,
    registers,
  });
  const requests = new Histogram({
    name: 'glambdar_http_request_duration_seconds',
    help: 'HTTP requests by route template, method and status.',
    labelNames: ['route', 'method', 'status'],
    buckets: seconds,
    registers,
  });
  const instances = new Gauge({
    name: 'glambdar_instances',
    help: 'Instances by state.',
    labelNames: ['state'],
    registers,
  });
  const ready = new Histogram({
    name: 'glambdar_instance_start_seconds',
    help: 'From the decision to start an instance to its worker being ready.',
    buckets: seconds,
    registers,
  });
  const refill = new Histogram({
    name: 'glambdar_refill_seconds',
    help: 'From taking a loaded instance to having another in its place.',
    buckets: seconds,
    registers,
  });
  const acquired = new Counter({
    name: 'glambdar_pool_acquires_total',
    help: 'Calls by whether they found an instance ready: hit (loaded, warm), partial (standby), miss (cold).',
    labelNames: ['result'],
    registers,
  });
  const created = new Counter({
    name: 'glambdar_instances_created_total',
    help: 'Containers that were begun.',
    registers,
  });
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
  // Labels are sorted and hashed at every `inc` with labels, and once for a child of them.
  const finished = new Children((label, outcome, start) => ({
    count: calls.labels({ function: label, outcome, start }),
    duration: duration.labels({ start }),
    acquired: RESULTS[start] === undefined ? null : acquired.labels({ result: RESULTS[start] }),
  }));
  const answered = new Children((route, method, status) => requests.labels({ route, method, status }));
  const inState = new Children((state) => instances.labels({ state }));
  return {
    invocation({ funcName, outcome, start, durationMs }) {
      if (functions.size < MAX_FUNCTION_LABELS) functions.add(funcName);
      const child = finished.of(functions.has(funcName) ? funcName : 'other', outcome, start ?? 'none');
      child.count.inc();
      child.duration.observe(durationMs / 1000);
      child.acquired?.inc();
    },
    request({ route, method, status, seconds: taken }) {
      answered.of(route, method, String(status)).observe(taken);
    },
    transition(from, to, previousMs) {
      if (from === null) created.inc();
      else inState.of(from).dec();
      if (to !== 'stopped') inState.of(to).inc();
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
