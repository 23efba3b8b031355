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
  /** Series by route, method and status, which come from closed sets: to join them into one key takes longer than to look up each. */
  readonly #series = new Map<string, Map<string, Map<number, Timing>>>();

  constructor(registry: Registry) {
    this.#durations = new Timings(
      registry,
      'glambdar_http_request_duration_seconds',
      'HTTP requests by route template, method and status.',
    );
  }

  finished({ route, method, status, seconds }: FinishedRequest): void {
    this.#seriesOf(route, method, status).observe(seconds);
  }

  #seriesOf(route: string, method: string, status: number): Timing {
    const ofRoute = entryOf(this.#series, route, () => new Map<string, Map<number, Timing>>());
    const ofMethod = entryOf(ofRoute, method, () => new Map<number, Timing>());
    return entryOf(ofMethod, status, () => this.#durations.add({ route, method, status: String(status) }));
  }
}

/** The value of a key, made and kept when the key is new. */
function entryOf<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  let value = map.get(key);
  if (value === undefined) map.set(key, (value = make()));
  return value;
}
