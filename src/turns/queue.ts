/**
 * Owns the requests that wait and whose turn it is: fair between flows (functions), in order of arrival within one.
 *
 * Start-time fair queueing (Goyal, Vin and Cheng 1996): a request is tagged with the virtual time at which its flow would
 * be served if all flows took turns; the clock is the tag of the request served last. A flow with hundreds of waiting
 * requests is thus one turn ahead of a new flow, not hundreds.
 */
import { GlambdarError } from '../errors.js';
import { cannotStart } from '../model/call/refusal.js';
import { ServiceRate } from './service-rate.js';
import type { Waiter } from './waiter.js';

/** As much of a waiting request as the queue needs. */
export type Waiting = Pick<Waiter<unknown>, 'arrivedAt' | 'claim' | 'failedStarts' | 'reject'>;

/** A request that waits, and its turn. */
export interface Place<W extends Waiting = Waiting> {
  /** Names the place; never used twice. */
  readonly id: number;
  readonly waiter: W;
  readonly flow: string;
  /** The request's turn, in virtual time. */
  readonly tag: number;
  /** When the request came, others of its flow were waiting. */
  readonly behind: boolean;
}

/** Starts tried for one request: after a first failure, another instance is started before the request is rejected. */
const START_ATTEMPTS = 2;

/** One flow may hold at most this many times the free places of the queue (dynamic thresholds, Choudhury and Hahne 1998). */
const SHARE_OF_FREE = 2;

/** A request is let in when its estimated wait is within this share of the time it may wait; the estimate errs. */
const SAFE_SHARE = 0.5;

export class Queue<W extends Waiting = Waiting> {
  #lastId = 0;
  #places: Place<W>[] = [];
  #lengths = new Map<string, number>();
  /** Tag after the last request of each flow that is ahead of the clock. */
  #finish = new Map<string, number>();
  /** The virtual time since which each flow waits for a refill. */
  readonly #refillTurns = new Map<string, number>();
  #clock = 0;
  readonly service = new ServiceRate();

  get length(): number {
    return this.#places.length;
  }

  /** Whether a request of this flow waits. */
  has(flow: string): boolean {
    return this.#lengths.has(flow);
  }

  /** Whether this request waits. */
  holds(waiter: W): boolean {
    return this.#places.some((place) => place.waiter === waiter);
  }

  /**
   * The start of this instance failed: it counts as an attempt of the first request that has a claim on the instance. The
   * request is rejected when it has no attempts left.
   */
  startFailed(instanceId: string, error: unknown): void {
    const bearer = this.#places.find(({ waiter }) => waiter.claim === instanceId)?.waiter;
    if (!bearer) return;
    bearer.failedStarts += 1;
    if (bearer.failedStarts === START_ATTEMPTS) {
      this.drop(bearer);
      // A GlambdarError says more, for instance that the disk is full.
      bearer.reject(error instanceof GlambdarError ? error : cannotStart(error));
    }
  }

  /** The requests in the order of their turns. A copy: serving one may take others out. */
  list(): Place<W>[] {
    return [...this.#places];
  }

  /** Milliseconds the request that came first has waited; 0 when none waits. */
  ageMs(now: number): number {
    return this.#places.reduce((most, { waiter }) => Math.max(most, now - waiter.arrivedAt), 0);
  }

  add(waiter: W, flow: string): void {
    const tag = this.nextTag(flow);
    this.#finish.set(flow, tag + 1);
    let index = this.#places.length;
    while (index > 0 && this.#places[index - 1]!.tag > tag) index -= 1;
    const before = this.#lengths.get(flow) ?? 0;
    this.#lastId += 1;
    this.#places.splice(index, 0, { id: this.#lastId, waiter, flow, tag, behind: before > 0 });
    this.#lengths.set(flow, before + 1);
  }

  /** The virtual time of the turn that a request of this flow would get now. */
  nextTag(flow: string): number {
    return Math.max(this.#clock, this.#finish.get(flow) ?? 0);
  }

  /** The turn of the next refill for this flow; it is fixed when first asked for. */
  refillTurn(flow: string): number {
    let turn = this.#refillTurns.get(flow);
    if (turn === undefined) this.#refillTurns.set(flow, (turn = this.nextTag(flow)));
    return turn;
  }

  /** An instance is being made ready for this flow ahead of its calls: while calls wait, that costs it a turn. */
  refilled(flow: string): void {
    this.#refillTurns.delete(flow);
    if (this.#places.length > 0) this.#finish.set(flow, this.nextTag(flow) + 1);
  }

  /** Forgets the refill turn of a flow whose code is retired. */
  forget(flow: string): void {
    this.#refillTurns.delete(flow);
  }

  /** The first request in turn that fits; undefined when none does. */
  first(fits: (waiter: W) => boolean): W | undefined {
    return this.#places.find(({ waiter }) => fits(waiter))?.waiter;
  }

  /** Takes out a request that will not be served, if it still waits: the next of its flow gets its turn. */
  drop(waiter: W): void {
    let index = this.#places.findIndex((place) => place.waiter === waiter);
    if (index < 0) return;
    const { flow } = this.#places[index]!;
    for (let next = index + 1; next < this.#places.length; next += 1) {
      if (this.#places[next]!.flow !== flow) continue;
      this.#places[index] = { ...this.#places[index]!, waiter: this.#places[next]!.waiter };
      index = next;
    }
    this.#finish.set(flow, this.nextTag(flow) - 1);
    this.#remove(index);
  }

  /**
   * Takes out a request that has got its instance.
   * @param charged the instance was made ready ahead of calls, which has cost the flow a turn already: the request costs none
   */
  served(waiter: W, now: number, charged = false): void {
    const index = this.#places.findIndex((place) => place.waiter === waiter);
    if (index < 0) return;
    if (charged) this.drop(waiter);
    else {
      this.#clock = Math.max(this.#clock, this.#places[index]!.tag);
      this.#remove(index);
    }
    this.service.served(now, this.#places.length > 0);
    if (this.#finish.size > 2 * this.#lengths.size + 100)
      for (const [flow, tag] of this.#finish) if (tag <= this.#clock) this.#finish.delete(flow);
  }

  #remove(index: number): void {
    const [{ flow }] = this.#places.splice(index, 1) as [Place<W>];
    const left = this.#lengths.get(flow)! - 1;
    if (left > 0) this.#lengths.set(flow, left);
    else this.#lengths.delete(flow);
  }

  rejectAll(error: GlambdarError): void {
    this.#lengths.clear();
    this.#finish.clear();
    for (const { waiter } of this.#places.splice(0)) waiter.reject(error);
  }

  /** Whether one more request of this flow may wait: there is room, the flow keeps to its share, and it will be served in time. */
  admits(flow: string, now: number, limits: { maxWaiting: number; maxWaitMs: number }): boolean {
    const own = this.#lengths.get(flow) ?? 0;
    const free = limits.maxWaiting - this.#places.length;
    return (
      free > 0 && own < SHARE_OF_FREE * free && this.#predictedMs(own, now) <= SAFE_SHARE * limits.maxWaitMs
    );
  }

  /** Whole seconds after which one more request of this flow would be served at the present pace; at least 1. */
  retryAfterSeconds(flow: string, now: number): number {
    return Math.max(1, Math.ceil(this.#predictedMs(this.#lengths.get(flow) ?? 0, now) / 1000));
  }

  /** Estimated wait of a request with `own` others of its flow before it: each other flow takes a turn for each of them. */
  #predictedMs(own: number, now: number): number {
    let ahead = 0;
    for (const length of this.#lengths.values()) ahead += Math.min(length, own + 1);
    return ahead * this.service.intervalMs(now);
  }
}
