/**
 * Owns the instances there are: making them with a uid of their own, letting idle ones expire, forgetting them when
 * they have stopped. Which of them serves whom is the pool's.
 */
import type { ContainerOutput, Driver } from '../../driver/driver.js';
import type { Profile } from '../../model/profile.js';
import type { InstalledRuntime } from '../../runtimes/installed-runtime.js';
import { DecayingRate } from '../decide/decaying-rate.js';
import type { WithRoom } from '../../instance/worker-start.js';
import { Instance } from '../../instance/instance.js';
import { INSTANCE_STATES, type InstanceState } from '../../instance/instance-state.js';
import { UidAllocator } from './uid-allocator.js';

export interface FleetOptions {
  driver: Driver;
  /** By the name a profile gives; throws for an unknown one. */
  runtimeOf: (name: string) => InstalledRuntime;
  runDir: string;
  uidBase: number;
  startTimeoutMs: number;
  /** An idle instance that was called before is kept this long. */
  keepAliveMs: number;
  /** CPU-seconds the kernel gives a worker over its life. */
  cpuSecondsLimit: (profile: Profile) => number;
  maxBodyBytes: number;
  /** See `InstanceOptions`. */
  lull: () => Promise<void>;
  /** For slots, and for the trees of functions. */
  withRoom: WithRoom;
  onTransition?: (instance: Instance, from: InstanceState | null, previousMs: number) => void;
}

/** What the fleet tells whoever decides about instances. */
export interface FleetEvents {
  /** One is gone: there is room for another. */
  onStopped: () => void;
  /** One that was idle or standby has gone of its own. */
  onLost: (instance: Instance) => void;
  /** See `InstanceOptions.onTreeFree`. */
  onTreeFree: (codeKey: string, treeDir: string) => void;
}

export class Fleet {
  #options: FleetOptions;
  #events: FleetEvents;
  #instances = new Map<string, Instance>();
  #uids: UidAllocator;
  #expiries = new Map<string, NodeJS.Timeout>();
  readonly #creations = new DecayingRate(10);

  constructor(options: FleetOptions, events: FleetEvents) {
    this.#options = options;
    this.#events = events;
    this.#uids = new UidAllocator(options.uidBase);
  }

  /** Instances by state, for gauges and tests. */
  counts(): Record<InstanceState, number> {
    const counts = Object.fromEntries(INSTANCE_STATES.map((state) => [state, 0]));
    for (const instance of this.#instances.values()) counts[instance.state]! += 1;
    return counts as Record<InstanceState, number>;
  }

  /** Instances begun per second, over about ten seconds. */
  createdPerSecond(): number {
    return this.#creations.perSecond(performance.now());
  }

  /** All that have not stopped. */
  list(): Instance[] {
    return [...this.#instances.values()];
  }

  get(id: string): Instance {
    return this.#instances.get(id)!;
  }

  /** A new one, not started yet. @param intendedFor see `Instance` */
  create(profile: Profile, intendedFor: string | null = null): Instance {
    const {
      driver,
      runtimeOf,
      runDir,
      startTimeoutMs,
      maxBodyBytes,
      cpuSecondsLimit,
      withRoom,
      lull,
      onTransition,
    } = this.#options;
    const uid = this.#uids.take();
    const instance = new Instance(
      {
        driver,
        runtime: runtimeOf(profile.runtime),
        runDir,
        profile,
        uid,
        startTimeoutMs,
        maxBodyBytes,
        withRoom,
        lull,
        cpuSecondsLimit: cpuSecondsLimit(profile),
        onTransition: (changed, from, previousMs) => {
          onTransition?.(changed, from, previousMs);
          if (changed.state !== 'stopped') return;
          this.#instances.delete(changed.id);
          this.#uids.give(uid);
          this.#events.onStopped();
        },
        onGone: (gone) => {
          if (gone.state !== 'idle' && gone.state !== 'standby') return;
          this.#events.onLost(gone);
          void this.stop(gone);
        },
        onTreeFree: this.#events.onTreeFree,
      },
      intendedFor,
    );
    this.#instances.set(instance.id, instance);
    this.#creations.add(instance.since);
    onTransition?.(instance, null, 0);
    return instance;
  }

  /** Whether it may serve another call: its worker is there and has not used up half of what the kernel gives it. */
  isReusable(instance: Instance): boolean {
    const cpuSpent = (instance.busyMs / 1000) * instance.profile.cpus;
    return (
      instance.alive &&
      instance.state === 'busy' &&
      cpuSpent <= this.#options.cpuSecondsLimit(instance.profile) / 2
    );
  }

  isBusy(instance: Instance): boolean {
    return instance.state === 'busy';
  }

  /** busy → idle, until it is used again or expires. */
  keep(instance: Instance): void {
    instance.keep();
    // One timer goes on while it is used again and again: setting one costs every call as much as all else here.
    if (!this.#expiries.has(instance.id)) this.#expireIn(this.#options.keepAliveMs, instance);
  }

  #expireIn(ms: number, instance: Instance): void {
    const expiry = setTimeout(() => {
      this.#expiries.delete(instance.id);
      if (instance.state !== 'idle') return; // when it is kept again there is a new timer
      const left = instance.since + this.#options.keepAliveMs - performance.now();
      if (left > 1) this.#expireIn(left, instance);
      else void this.stop(instance);
    }, ms);
    this.#expiries.set(instance.id, expiry);
  }

  /** Whatever its state; see `Instance.stop`. */
  stop(instance: Instance, readOutput = false): Promise<ContainerOutput> {
    clearTimeout(this.#expiries.get(instance.id));
    this.#expiries.delete(instance.id);
    return instance.stop(readOutput);
  }

  /** Resolves when all that were there are gone. */
  async stopAll(): Promise<void> {
    await Promise.all(this.list().map((instance) => this.stop(instance)));
  }
}
