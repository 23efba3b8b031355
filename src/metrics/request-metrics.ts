/** Owns the metrics of HTTP requests. */
import type { Registry } from 'prom-client';
import { Timings, type Timing } from './timings.js';

export interface FinishedRequest {
  /** The template of the route, never a path. */
  route: string;
  method: string;
  status: number;
  seconds: number;
}

export class RequestMetrics {
  readonly #durations: Timings;
  /** Series by route, method and status, which come from closed sets. */
  readonly #series = new Map<string, Timing>();

  constructor(registry: Registry) {
    this.#durations = new Timings(
      registry,
      'glambdar_http_request_duration_seconds',
      'HTTP requests by route template, method and status.',
    );
  }

  finished({ route, method, status, seconds }: FinishedRequest): void {
    const key = `${status} ${method} ${route}`;
    let series = this.#series.get(key);
    if (series === undefined) {
      series = this.#durations.add({ route, method, status: String(status) });
      this.#series.set(key, series);
    }
    series.observe(seconds);
  }
}
