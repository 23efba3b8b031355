/**
 * Owns the instances there are: making them with a uid of their own, letting idle ones expire, forgetting them when
 * they have stopped. Which of them serves whom is the pool's.
 */
import type { ContainerOutput, Driver, Profile } from '../driver/driver.js';
import { Instance, type WithRoom } from './instance.js';
import { INSTANCE_STATES, type InstanceState } from './instance-state.js';
import { UidAllocator } from './uid-allocator.js';

export interface FleetOptions {
  driver: Driver;
  runDir: string;
  uidBase: number;
  startTimeoutMs: number;
  /** An idle instance that was called before is kept this long. */
  keepAliveMs: number;
  /** CPU-seconds the kernel gives a worker over its life. */
  cpuSecondsLimit: (profile: Profile) => number;
  maxBodyBytes: number;
  /** For slots, and for the trees of functions. */
  withRoom: WithRoom;
  onTransition?: (from: InstanceState | null, to: InstanceState, previousMs: number) => void;
}

export class Fleet {
  #options: FleetOptions;
  #onStopped: () => void;
  #instances = new Map<string, Instance>();
  #uids: UidAllocator;
  #expiries = new Map<string, NodeJS.Timeout>();

  /** @param onStopped called when an instance is gone: there is room for another */
  constructor(options: FleetOptions, onStopped: () => void) {
    this.#options = options;
    this.#onStopped = onStopped;
    this.#uids = new UidAllocator(options.uidBase);
  }

  /** Instances by state, for gauges and tests. */
  counts(): Record<InstanceState, number> {
    const counts = Object.fromEntries(INSTANCE_STATES.map((state) => [state, 0]));
    for (const instance of this.#instances.values()) counts[instance.state]! += 1;
    return counts as Record<InstanceState, number>;
  }

  /** All that have not stopped. */
  list(): Instance[] {
    return [...this.#instances.values()];
  }

  get(id: string): Instance {
    return this.#instances.get(id)!;
  }

  /** A new one, not started yet. */
  create(profile: Profile): Instance {
    const { driver, runDir, startTimeoutMs, maxBodyBytes, cpuSecondsLimit, withRoom, onTransition } =
      this.#options;
    const uid = this.#uids.take();
    const instance = new Instance({
      driver,
      runDir,
      profile,
      uid,
      startTimeoutMs,
      maxBodyBytes,
      withRoom,
      cpuSecondsLimit: cpuSecondsLimit(profile),
      onTransition: (changed, from, previousMs) => {
        onTransition?.(from, changed.state, previousMs);
        if (changed.state !== 'stopped') return;
        this.#instances.delete(changed.id);
        this.#uids.give(uid);
        this.#onStopped();
      },
      onGone: (gone) => {
        if (gone.state === 'idle' || gone.state === 'standby') void this.stop(gone);
      },
    });
    this.#instances.set(instance.id, instance);
    onTransition?.(null, 'starting', 0);
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

  /** busy → idle, until it is used again or expires. */
  keep(instance: Instance): void {
    instance.keep();
    const { keepAliveMs } = this.#options;
    clearTimeout(this.#expiries.get(instance.id));
    const expiry = setTimeout(() => {
      if (instance.state === 'idle' && performance.now() - instance.since >= keepAliveMs - 1)
        void this.stop(instance);
    }, keepAliveMs);
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
