/**
 * Owns how many containers of image functions exist at once: calls wait for a place in turns that are fair between functions,
 * by the rules of the pool's queue. Image functions and the pool share the places of this machine; images may take half.
 */
import type { Clock } from '../clock.js';
import type { Driver } from '../driver/driver.js';
import type { UidAllocator } from '../instance/uid-allocator.js';
import { driverUnavailable, stopping } from '../model/call/refusal.js';
import { Queue } from '../turns/queue.js';
import { Waiter } from '../turns/waiter.js';
import { WaitingRoom } from '../turns/waiting-room.js';

/** The right to have one container. */
export interface ContainerPlace {
  /** Of no other container alive. */
  readonly uid: number;
  /** The container is started: another start may begin. May be called twice. */
  started(): void;
  /** The container is gone. May be called twice. */
  release(): void;
}

export interface ImagePlacesOptions {
  /** Most containers of image functions at once, and most of them that are being started. */
  most: number;
  mostStarting: number;
  /** How many calls may wait. */
  maxWaiting: number;
  queueTimeoutMs: number;
  /** How many more containers, of any kind, the machine may have now. */
  room: () => number;
  /** Others may have more containers than before, or fewer: calls wait for room, or a container is gone. */
  limitsChanged: () => void;
  /** Whether calls of others wait, and none of them has a container. */
  othersStarve: () => boolean;
  driver: Pick<Driver, 'health' | 'onHealth'>;
  uids: UidAllocator;
  clock: Clock;
}

export class ImagePlaces {
  readonly #options: ImagePlacesOptions;
  readonly #queue = new Queue<Waiter<ContainerPlace>>();
  readonly #room: WaitingRoom;
  readonly #unwatch: () => void;
  #taken = 0;
  #starting = 0;
  /** A place that was ours is offered to others: our waiting calls reserve none. */
  #isOffering = false;

  constructor(options: ImagePlacesOptions) {
    this.#options = options;
    const { driver, clock, queueTimeoutMs } = options;
    this.#room = new WaitingRoom({
      queue: this.#queue,
      available: () => driver.health().available,
      limits: options,
      clock,
      queueTimeoutMs,
    });
    this.#unwatch = driver.onHealth(({ available }) => {
      if (!available) this.#queue.rejectAll(driverUnavailable());
    });
  }

  /** Places taken. */
  get taken(): number {
    return this.#taken;
  }

  /** Places taken or waited for, within the share of image functions: nobody else should take these. */
  get reserved(): number {
    if (this.#isOffering) return this.#taken;
    return this.#taken + Math.min(this.#queue.length, Math.max(0, this.#options.most - this.#taken));
  }

  /** Calls that wait, and how long the first has waited, in milliseconds. */
  gauges(): { queueLength: number; queueAgeMs: number } {
    return { queueLength: this.#queue.length, queueAgeMs: this.#queue.ageMs(this.#options.clock.now()) };
  }

  /** Throws AT_CAPACITY when a new call of this flow would be refused, DRIVER_UNAVAILABLE, or STOPPING. */
  assertAdmits(flow: string): void {
    this.#room.assertOpen();
    if (this.#queue.has(flow) && !this.#room.admits(flow)) throw this.#room.refusal(flow);
  }

  /** Rejects with GlambdarError (AT_CAPACITY, DRIVER_UNAVAILABLE, STOPPING), or with the signal's reason. */
  async acquire(flow: string, signal: AbortSignal): Promise<ContainerPlace> {
    signal.throwIfAborted();
    this.#room.assertOpen();
    const { clock, queueTimeoutMs, limitsChanged } = this.#options;
    const waiter: Waiter<ContainerPlace> = new Waiter({
      signal,
      clock,
      queueTimeoutMs,
      late: () => this.#room.late(flow),
      onGone: () => this.#queue.drop(waiter),
    });
    const admitted = this.#room.admits(flow);
    this.#queue.add(waiter, flow);
    this.pass();
    if (this.#queue.holds(waiter)) {
      if (admitted) limitsChanged();
      else {
        this.#queue.drop(waiter);
        waiter.reject(this.#room.refusal(flow));
      }
    }
    return waiter.promise;
  }

  /** Gives places to calls that wait. To be called whenever there may be more room. */
  pass(): void {
    const { most, mostStarting, room, clock } = this.#options;
    while (this.#taken < most && this.#starting < mostStarting && room() > 0) {
      const waiter = this.#queue.first(() => true);
      if (waiter === undefined) return;
      this.#queue.served(waiter, clock.now());
      const place = this.#place();
      if (!waiter.resolve(place)) place.release();
    }
  }

  /** Refuses new calls and rejects waiting ones; those that have a place keep it. */
  drain(): void {
    this.#unwatch();
    this.#room.close();
    this.#queue.rejectAll(stopping());
  }

  #place(): ContainerPlace {
    const { uids } = this.#options;
    const uid = uids.take();
    let state: 'starting' | 'started' | 'released' = 'starting';
    this.#taken += 1;
    this.#starting += 1;
    const started = (): void => {
      if (state !== 'starting') return;
      state = 'started';
      this.#starting -= 1;
      this.pass();
    };
    const release = (): void => {
      if (state === 'released') return;
      if (state === 'starting') this.#starting -= 1;
      state = 'released';
      this.#taken -= 1;
      uids.give(uid);
      this.#offer();
      this.pass();
    };
    return { uid, started, release };
  }

  /**
   * Lets others take the place that has become free, when they have none: where the machine has room for one container, the
   * calls of images would follow each other without end.
   */
  #offer(): void {
    const { limitsChanged, othersStarve } = this.#options;
    if (!othersStarve()) return;
    this.#isOffering = true;
    try {
      limitsChanged();
    } finally {
      this.#isOffering = false;
    }
  }
}
