/**
 * Owns containers on the Engine API: creates, starts, watches and removes them. It joins the parts that do one thing each
 * (engine, health, events, exits, reaper, image, network) and holds what is under way.
 */
import { mkdirSync, realpathSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { BridgeNetwork } from './network/bridge-network.js';
import { CgroupWeight } from './usage/cgroup-weight.js';
import { ContainerExits } from './lifecycle/container-exits.js';
import { ContainerOutputs } from './lifecycle/container-outputs.js';
import { ContainerRemovals } from './lifecycle/container-removals.js';
import { containerName, labels } from './container-options.js';
import { ContainerStarts } from './lifecycle/container-starts.js';
import { ContainerTemplate } from './container-template.js';
import { defaultTimes, type DockerDriverOptions } from './docker-driver-options.js';
import { DockerHealth } from './docker-health.js';
import { parseDockerHost } from './docker-host.js';
import {
  DriverError,
  type ContainerOutput,
  type ContainerSpec,
  type Driver,
  type DriverHealth,
  type ExitState,
  type InstanceUsage,
  type Profile,
  type RemoveOptions,
} from '../driver.js';
import { Engine } from './engine/engine.js';
import { ExitWatch } from './lifecycle/exit-watch.js';
import { InstanceUsages } from './usage/instance-usages.js';
import { Reaper } from './lifecycle/reaper.js';
import { checkedSlot } from './lifecycle/slot-source.js';

export type { DockerDriverOptions } from './docker-driver-options.js';

/** A driver for the daemon at `dockerHost`; nothing happens before `open`. Throws `DriverError` for a wrong `dockerHost`. */
export function createDockerDriver(options: DockerDriverOptions): Driver {
  return new DockerDriver(options);
}

class DockerDriver implements Driver {
  readonly #options: DockerDriverOptions;
  readonly #times: typeof defaultTimes;
  readonly #engine: Engine;
  readonly #health: DockerHealth;
  readonly #exits: ExitWatch;
  readonly #reaper: Reaper;
  readonly #bridge: BridgeNetwork;
  readonly #removals: ContainerRemovals;
  readonly #template: ContainerTemplate;
  readonly #weight: CgroupWeight;
  readonly #usages: InstanceUsages;
  readonly #outputs: ContainerOutputs;
  readonly #live = new ContainerExits();
  readonly #starts: ContainerStarts;
  #runRoot = '';
  #closing: Promise<void> | undefined;

  constructor(options: DockerDriverOptions) {
    const { dirId, bootId, logger, resolvers, iptables } = options;
    this.#options = options;
    this.#times = { ...defaultTimes, ...options.times };
    this.#engine = new Engine(parseDockerHost(options.dockerHost));
    this.#bridge = new BridgeNetwork({
      engine: this.#engine,
      dirId,
      resolvers,
      iptables,
      onUnprotected: (error) =>
        logger.error({ err: error }, 'network "bridge" has lost its protection; not used until it is back'),
    });
    this.#health = new DockerHealth({
      ping: () => this.#engine.ping(this.#times.pingLimitMs),
      intervalMs: this.#times.pingIntervalMs,
    });
    const onLost = (): void => this.#health.poke();
    this.#exits = new ExitWatch({
      engine: this.#engine,
      bootId,
      live: this.#live,
      onEnded: (id) => this.#removals.ended(id),
      onLost,
    });
    this.#template = new ContainerTemplate({ ...options, engine: this.#engine, bridge: this.#bridge });
    const parent = () => this.#template.cgroupParent;
    this.#weight = new CgroupWeight({ parent, cores: availableParallelism(), root: options.cgroupRoot });
    const whileAvailable = <T>(work: () => Promise<T>): Promise<T> => this.#health.whileAvailable(work);
    this.#usages = new InstanceUsages({ engine: this.#engine, whileAvailable, procRoot: options.procRoot });
    const rootDir = () => this.#template.rootDir;
    this.#outputs = new ContainerOutputs({ engine: this.#engine, whileAvailable, rootDir });
    this.#removals = new ContainerRemovals({
      engine: this.#engine,
      whileAvailable,
      atOnce: options.removalsAtOnce ?? availableParallelism(),
      gently: options.gently ?? (() => false),
      graceMs: this.#times.graceMs,
      lateMs: this.#times.lateMs,
    });
    this.#starts = new ContainerStarts({
      engine: this.#engine,
      remove: (name) => this.#removals.removeNamed(name),
      renewImage: () => this.#template.renewImage(),
      onLeft: (error) => logger.debug({ err: error }, 'a failed start is left to the reaper'),
    });
    this.#reaper = new Reaper({
      list: async () =>
        (await this.#engine.listContainers(`${labels.dir}=${dirId}`)).map(({ Id, Labels }) => ({
          containerId: Id,
          instanceId: Labels[labels.boot] === bootId ? Labels[labels.instance] : undefined,
        })),
      remove: (containerId) => this.#engine.removeContainer(containerId),
      isLive: (instanceId) => this.#live.has(instanceId) || this.#removals.has(instanceId),
      intervalMs: this.#times.reapIntervalMs,
      logger,
    });
  }

  async open(progress: (line: string) => void): Promise<void> {
    const { runRoot } = this.#options;
    await this.#engine.ping();
    mkdirSync(runRoot, { recursive: true, mode: 0o700 });
    this.#runRoot = realpathSync.native(runRoot);
    await this.#template.open(progress);
    await this.#reaper.sweep();
    await this.#bridge.remove();
    this.#health.onChange((health) => this.#onHealth(health));
    this.#health.open();
    this.#exits.open();
    this.#reaper.open();
  }

  async start(spec: ContainerSpec, signal: AbortSignal): Promise<void> {
    if (!this.#template.isOpen || this.#closing)
      throw new DriverError('unavailable', 'The driver is not open.');
    const health = this.#health.current();
    if (!health.available) throw new DriverError('unavailable', health.reason);
    if (spec.profile.network === 'bridge') this.#bridge.assertPrepared();
    const slotSource = checkedSlot(spec.slotDir, this.#runRoot);
    const options = () => this.#template.createOptions(spec, slotSource);
    this.#live.track(spec.instanceId);
    try {
      const containerId = await this.#starts.start(containerName(spec.instanceId), options, signal);
      this.#outputs.started(spec.instanceId, containerId);
    } catch (error) {
      this.#live.forget(spec.instanceId);
      throw error;
    }
    this.#live.started(spec.instanceId);
    void this.#weight.started(performance.now());
  }

  async remove(instanceId: string, options: RemoveOptions = {}): Promise<ContainerOutput> {
    const { urgent = false, outputBytes = 0 } = options;
    const runs = this.#live.runs(instanceId);
    this.#live.forget(instanceId); // before its turn comes: nobody is asked why it ended while it waits
    let output: ContainerOutput = { stdout: '', stderr: '' };
    // What a process wrote last is there for certain once the container has ended, and not before.
    const before = async (ended: boolean): Promise<void> => {
      try {
        output = await this.#outputs.read(instanceId, outputBytes, ended);
      } catch (error) {
        this.#options.logger.warn({ err: error, instanceId }, "a container's output could not be read");
      }
    };
    await this.#removals
      .remove(instanceId, { urgent, runs, ...(outputBytes > 0 && { before }) })
      .finally(() => this.#outputs.forget(instanceId));
    return output;
  }

  exitState(instanceId: string, waitMs: number): Promise<ExitState | undefined> {
    return this.#live.wait(instanceId, waitMs);
  }

  output(instanceId: string, maxBytes: number): Promise<ContainerOutput> {
    return this.#outputs.read(instanceId, maxBytes, this.#live.hasEnded(instanceId));
  }

  onExit(instanceId: string, listener: (exit: ExitState) => void): () => void {
    return this.#live.onExit(instanceId, listener);
  }

  memoryOf(instances: readonly { instanceId: string; uid: number }[]): Promise<Map<string, InstanceUsage>> {
    return this.#usages.measure(instances);
  }

  async prepareProfile(profile: Profile): Promise<void> {
    if (profile.network === 'bridge') await this.#bridge.prepare();
  }

  health(): DriverHealth {
    return this.#health.current();
  }

  onHealth(listener: (health: DriverHealth) => void): () => void {
    return this.#health.onChange(listener);
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    const available = this.#template.isOpen && this.#health.current().available;
    this.#health.close();
    this.#exits.close();
    this.#reaper.close();
    this.#bridge.close();
    const stopping = new DriverError('unavailable', 'The server is stopping.');
    this.#starts.rejectAll(stopping);
    this.#removals.rejectWaiting(stopping);
    if (available) {
      const limit = new AbortController();
      await Promise.race([
        this.#removeEverything().catch((error: unknown) =>
          this.#options.logger.warn({ err: error }, 'containers may be left; the next start removes them'),
        ),
        sleep(this.#times.closeLimitMs, undefined, { signal: limit.signal }).catch(() => undefined),
      ]);
      limit.abort();
    }
    this.#engine.close();
  }

  async #removeEverything(): Promise<void> {
    this.#live.clear();
    this.#outputs.clear();
    await this.#reaper.sweep();
    await this.#removals.settled();
    // Starts that were given up above may have made a container after that sweep's list.
    if (this.#starts.busy) {
      await this.#starts.settled();
      await this.#reaper.sweep();
    }
    await this.#bridge.remove();
  }

  #onHealth(health: DriverHealth): void {
    if (!health.available) return this.#starts.rejectAll(new DriverError('unavailable', health.reason));
    this.#exits.retry();
    this.#bridge.renew();
    void this.#reaper.sweep().catch(() => undefined);
  }
}
