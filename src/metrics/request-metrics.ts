/** Owns what is measured of HTTP requests. */
import { Histogram, type Registry } from 'prom-client';
import { SECONDS } from './seconds.js';

export interface FinishedRequest {
  /** A template, never a path. */
  route: string;
  method: string;
  status: number;
  seconds: number;
}

export class RequestMetrics {
  readonly #durations: Histogram<'route' | 'method' | 'status'>;
  /** Bound once: looking labels up costs more than counting. Route, method and status come from closed sets. */
  readonly #bound = new Map<string, Histogram.Internal<'route' | 'method' | 'status'>>();

  constructor(registry: Registry) {
    this.#durations = new Histogram({
      name: 'glambdar_http_request_duration_seconds',
      help: 'HTTP requests by route template, method and status.',
      labelNames: ['route', 'method', 'status'],
      buckets: [...SECONDS],
      registers: [registry],
    });
  }

  finished({ route, method, status, seconds }: FinishedRequest): void {
    const key = `${status} ${method} ${route}`;
    let bound = this.#bound.get(key);
    if (bound === undefined) {
      bound = this.#durations.labels({ route, method, status: String(status) });
      this.#bound.set(key, bound);
    }
    bound.observe(seconds);
  }
}
