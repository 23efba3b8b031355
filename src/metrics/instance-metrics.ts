/** Owns the metrics of instances: how many are in each state, how many were begun, and how long starts and refills took. */
import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import { SECONDS } from './seconds.js';

const STATES = ['starting', 'standby', 'loading', 'loaded', 'warm', 'busy', 'stopping'];

export class InstanceMetrics {
  /** Instances by state: the gauge reads them when it is asked, because counting in a gauge costs every call more. */
  readonly #instances = new Map(STATES.map((state) => [state, 0]));
  readonly #created: Counter;
  readonly #ready: Histogram;
  readonly #refills: Histogram;

  constructor(registry: Registry) {
    const registers = [registry];
    const instances = this.#instances;
    new Gauge({
      name: 'glambdar_instances',
      help: 'Instances by state.',
      labelNames: ['state'],
      registers,
      collect() {
        for (const [state, count] of instances) this.set({ state }, count);
      },
    });
    this.#created = new Counter({
      name: 'glambdar_instances_created_total',
      help: 'Containers that were begun.',
      registers,
    });
    this.#ready = new Histogram({
      name: 'glambdar_instance_start_seconds',
      help: 'From the decision to start an instance to its worker being ready.',
      buckets: [...SECONDS],
      registers,
    });
    this.#refills = new Histogram({
      name: 'glambdar_refill_seconds',
      help: 'From taking a loaded instance to having another in its place.',
      buckets: [...SECONDS],
      registers,
    });
  }

  /** @param from null: the instance was made. @param previousMs how long the instance was in state `from` */
  transition(from: string | null, to: string, previousMs: number): void {
    if (from === null) this.#created.inc();
    else this.#count(from, -1);
    if (to !== 'stopped') this.#count(to, 1);
    if (from === 'starting' && to === 'standby') this.#ready.observe(previousMs / 1000);
  }

  refilled(ms: number): void {
    this.#refills.observe(ms / 1000);
  }

  #count(state: string, change: 1 | -1): void {
    this.#instances.set(state, this.#instances.get(state)! + change);
  }
}
