/**
 * Owns the instances there are: making them with a uid of their own, and forgetting them when they have stopped. Which
 * instance serves which call is decided elsewhere.
 */
import type { Clock } from '../../clock.js';
import type { ContainerOutput, Driver } from '../../driver/driver.js';
import type { Profile } from '../../model/function/profile.js';
import type { InstalledRuntime } from '../../runtimes/installed-runtime.js';
import type { WithRoom } from '../../instance/worker-start.js';
import { Instance } from '../../instance/instance.js';
import { INSTANCE_STATES, type InstanceState } from '../../instance/instance-state.js';
import { DecayingRate } from '../demand/decaying-rate.js';
import type { UidAllocator } from '../../instance/uid-allocator.js';

export interface FleetOptions {
  driver: Driver;
  /** The runtime of the name that a profile gives; throws for an unknown name. */
  runtimeOf: (name: string) => InstalledRuntime;
  runDir: string;
  /** Gives every container of this server a uid of its own. */
  uids: UidAllocator;
  startTimeoutMs: number;
  maxBodyBytes: number;
  clock: Clock;
  /** See `InstanceOptions`. */
  lull: () => Promise<void>;
  /** Runs work that makes slots and trees, and makes room when the disk is full. */
  withRoom: WithRoom;
  onTransition?: (instance: Instance, from: InstanceState | null, previousMs: number) => void;
}

/** What the fleet tells the dispatcher. */
export interface FleetEvents {
  /** An instance is gone: there is room for another. */
  onStopped: (instance: Instance) => void;
  /** An idle instance or a standby has gone of its own. */
  onLost: (instance: Instance) => void;
  /** See `InstanceOptions.onTreeFree`. */
  onTreeFree: (codeKey: string, treeDir: string) => void;
}

export class Fleet {
  /** All instances that have not stopped. The array object never changes. */
  readonly all: Instance[] = [];
  readonly #options: FleetOptions;
  readonly #events: FleetEvents;
  readonly #byId = new Map<string, Instance>();
  readonly #creations = new DecayingRate(10);

  constructor(options: FleetOptions, events: FleetEvents) {
    this.#options = options;
    this.#events = events;
  }

  /** Instances by state, for gauges and tests. */
  counts(): Record<InstanceState, number> {
    const counts = Object.fromEntries(INSTANCE_STATES.map((state) => [state, 0]));
    for (const { state } of this.all) counts[state]! += 1;
    return counts as Record<InstanceState, number>;
  }

  /** Instances begun per second, over about ten seconds. */
  createdPerSecond(): number {
    return this.#creations.perSecond(this.#options.clock.now());
  }

  get(id: string): Instance {
    return this.#byId.get(id)!;
  }

  /** Makes a new instance, not started yet. @param intendedFor see `Instance` */
  create(profile: Profile, intendedFor: string | null = null): Instance {
    const { runtimeOf, onTransition, uids } = this.#options;
    const uid = uids.take();
    const instance = new Instance(
      {
        ...this.#options,
        runtime: runtimeOf(profile.runtime),
        profile,
        uid,
        onTransition: (changed, from, previousMs) => {
          onTransition?.(changed, from, previousMs);
          if (changed.state === 'stopped') this.#forget(changed);
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
    this.#byId.set(instance.id, instance);
    this.all.push(instance);
    this.#creations.add(instance.since);
    onTransition?.(instance, null, 0);
    return instance;
  }

  /** Whether an instance may serve another call: its worker is alive and has used at most half of its CPU-time limit. */
  isReusable(instance: Instance): boolean {
    const { cpus, cpuSeconds } = instance.profile;
    const cpuSpent = (instance.busyMs / 1000) * cpus;
    return instance.alive && instance.state === 'busy' && cpuSpent <= cpuSeconds / 2;
  }

  /** Stops an instance in any state; see `Instance.stop`. */
  stop(instance: Instance, readOutput = false): Promise<ContainerOutput> {
    return instance.stop(readOutput);
  }

  /** Resolves when an instance that is being stopped is gone; at once when it is not being stopped. */
  async stopped(instance: Instance): Promise<void> {
    if (this.isStopping(instance)) await instance.stop(false);
  }

  isStopping({ state }: Instance): boolean {
    return state === 'stopping' || state === 'stopped';
  }

  /** Stops all present instances. Resolves when they are gone. */
  async stopAll(): Promise<void> {
    await Promise.all([...this.all].map((instance) => this.stop(instance)));
  }

  #forget(instance: Instance): void {
    this.#byId.delete(instance.id);
    this.all.splice(this.all.indexOf(instance), 1);
    this.#options.uids.give(instance.uid);
    this.#events.onStopped(instance);
  }
}
