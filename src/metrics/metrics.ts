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
  /** One finished call. */
  invocation(call: FinishedCall): void;
  /** The function was deleted: its series go. Deployed again under the same name, it starts at 0. */
  forget(id: FunctionId): void;
  /** One HTTP request; the route is a template, never a path. */
  request(request: FinishedRequest): void;
  /**
   * An instance went from one state to another, after `previousMs` in the first; null = the instance was made. Idle
   * instances are told apart: loaded (never called) and warm.
   */
  transition(from: string | null, to: string, previousMs: number): void;
  /** A function has again what a call took of it, after so many milliseconds. */
  refilled(ms: number): void;
  text(): Promise<{ contentType: string; body: string }>;
}

export interface MetricsOptions extends Gauges {
  /** Calls of a function that is not deployed (any more) get no label of their own. */
  isDeployed: (id: FunctionId) => boolean;
}

export function createMetrics({ isDeployed, ...gauges }: MetricsOptions): Metrics {
  const registry = new Registry();
  const calls = new CallMetrics(registry, isDeployed);
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
