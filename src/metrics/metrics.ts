/**
 * Owns the metrics of this server as a whole: one registry, filled by the parts of this folder, and its text in
 * Prometheus's format. Labels come from closed sets, except function names, which are capped.
 */
import { Registry } from 'prom-client';
import type { FunctionId } from '../model/function/id.js';
import { CallMetrics, type FinishedCall } from './call-metrics.js';
import { registerGauges, type Gauges } from './gauges.js';
import { InstanceMetrics } from './instance-metrics.js';
import { RequestMetrics, type FinishedRequest } from './request-metrics.js';

export interface Metrics {
  /** Counts one finished call. */
  invocation(call: FinishedCall): void;
  /** Removes the series of a deleted function. A function deployed later under the same name starts at 0. */
  forget(id: FunctionId): void;
  /** Counts one HTTP request; its route is a template, never a path. */
  request(request: FinishedRequest): void;
  /**
   * Counts an instance's change of state, after `previousMs` in state `from` (null = the instance was made). The state
   * `idle` is split in two: `loaded` (never called) and `warm`.
   */
  transition(from: string | null, to: string, previousMs: number): void;
  /** Counts the replacement of an instance that a call took, after so many milliseconds. */
  refilled(ms: number): void;
  text(): Promise<{ contentType: string; body: string }>;
}

export interface MetricsOptions extends Gauges {
  /**
   * The name of a function, with its namespace unless that is `default`. Undefined when it is not deployed (any more): its calls get no
   * label of their own.
   */
  labelOf: (id: FunctionId) => string | undefined;
}

export function createMetrics({ labelOf, ...gauges }: MetricsOptions): Metrics {
  const registry = new Registry();
  const calls = new CallMetrics(registry, labelOf);
  const requests = new RequestMetrics(registry);
  const instances = new InstanceMetrics(registry);
  registerGauges(registry, gauges);
  return {
    invocation: (call) => calls.finished(call),
    forget: (id) => calls.forget(id),
    request: (request) => requests.finished(request),
    transition: (from, to, previousMs) => instances.transition(from, to, previousMs),
    refilled: (ms) => instances.refilled(ms),
    text: async () => ({ contentType: registry.contentType, body: await registry.metrics() }),
  };
}
