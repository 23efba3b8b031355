/** Owns the limits as one flow meets them, counted when they are asked for: most calls never need a place. */
import type { SchedulerLimits } from './scheduler.js';

/** A class, because a getter made for one object makes a dictionary of it, and every call asks for limits. */
export class FlowLimits implements SchedulerLimits {
  readonly #most: Record<keyof SchedulerLimits, () => number>;

  constructor(most: Record<keyof SchedulerLimits, () => number>) {
    this.#most = most;
  }

  get maxInstances(): number {
    return this.#most.maxInstances();
  }

  get maxStarting(): number {
    return this.#most.maxStarting();
  }
}
