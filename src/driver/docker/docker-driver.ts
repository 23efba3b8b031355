/**
 * Owns containers on the Engine API: creates, starts, watches and removes them. The parts that do one thing each (engine,
 * health, events, exits, reaper, images, network) are joined here.
 */
import { mkdirSync, realpathSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { BridgeNetwork } from './network/bridge-network.js';
import { CgroupQuota } from './usage/cgroup-quota.js';
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
  networkKind,
  type ContainerSpec,
  type ContainerUsage,
  type Driver,
  type DriverHealth,
  type ExitState,
  type LocalImage,
  type NetworkKind,
  type ObtainImageOptions,
  type RemoveOptions,
} from '../driver.js';
import { Engine, type ContainerCreateOptions } from './engine/engine.js';
import { ExitWatch } from './lifecycle/exit-watch.js';
import type { ContainerImage } from '../../model/container-image.js';
import { ContainerUsages } from './usage/container-usages.js';
import { Reaper } from './lifecycle/reaper.js';

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
  readonly #usages: ContainerUsages;
  readonly #quota: CgroupQuota;
  readonly #outputs: ContainerOutputs;
  readonly #live = new ContainerExits();
  readonly #starts: ContainerStarts;
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
    this.#usages = new ContainerUsages({ engine: this.#engine, whileAvailable, procRoot: options.procRoot });
    const rootDir = () => this.#template.rootDir;
    this.#outputs = new ContainerOutputs({ engine: this.#engine, whileAvailable, rootDir });
    const dockerIdOf = (id: string) => this.#outputs.dockerIdOf(id);
    const groups = { parent, root: options.cgroupRoot };
    this.#quota = new CgroupQuota({ engine: this.#engine, whileAvailable, dockerIdOf, ...groups });
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
      onLeft: (error) => logger.debug({ err: error }, 'a failed start is left to the reaper'),
    });
    this.#reaper = new Reaper({
      list: async () =>
        (await this.#engine.listContainers(`${labels.dir}=${dirId}`)).map(({ Id, Labels }) => ({
          dockerId: Id,
          id: Labels[labels.boot] === bootId ? Labels[labels.instance] : undefined,
        })),
      remove: (dockerId) => this.#engine.removeContainer(dockerId),
      isLive: (id) => this.#live.has(id) || this.#removals.has(id),
      intervalMs: this.#times.reapIntervalMs,
      logger,
    });
  }

  async open(): Promise<void> {
    const { runRoot } = this.#options;
    mkdirSync(runRoot, { recursive: true, mode: 0o700 });
    await this.#template.open(realpathSync.native(runRoot));
    await this.#reaper.sweep();
    await this.#bridge.remove();
    this.#health.onChange((health) => this.#onHealth(health));
    this.#health.open();
    this.#exits.open();
    this.#reaper.open();
  }

  prepareImage(image: ContainerImage, progress: (line: string) => void): Promise<void> {
    return this.#template.images.prepare(image, progress);
  }

  imageId(image: ContainerImage): string {
    return this.#template.images.get(image).id;
  }

  obtainImage(reference: string, options: ObtainImageOptions): Promise<LocalImage> {
    return this.#template.images.obtain(reference, options);
  }

  async prepareNetwork(network: NetworkKind): Promise<void> {
    if (network === 'bridge') await this.#bridge.prepare();
  }

  async start(spec: ContainerSpec, signal: AbortSignal): Promise<void> {
    if (!this.#template.isOpen || this.#closing)
      throw new DriverError('unavailable', 'The driver is not open.');
    const health = this.#health.current();
    if (!health.available) throw new DriverError('unavailable', health.reason);
    if (networkKind(spec) === 'bridge') this.#bridge.assertPrepared();
    const { images } = this.#template;
    // An image that was registered before this server started is looked for when it is first needed.
    if (spec.image.type === 'pinned' && !images.has(spec.image))
      await images.prepare(spec.image, (line) => this.#options.logger.info(line));
    const options = this.#template.createOptions(spec);
    const renewed = (): Promise<ContainerCreateOptions> => this.#renewed(spec);
    this.#live.track(spec.id);
    try {
      const dockerId = await this.#starts.start(containerName(spec.id), { options, renewed }, signal);
      this.#outputs.started(spec.id, dockerId);
    } catch (error) {
      this.#live.forget(spec.id);
      throw error;
    }
    this.#live.started(spec.id);
    void this.#weight.started(performance.now());
  }

  async remove(id: string, options: RemoveOptions = {}): Promise<ContainerOutput> {
    const { urgent = false, outputBytes = 0 } = options;
    const runs = this.#live.runs(id);
    // Before the removal's turn comes: the daemon is not to be asked how a container ended that is being removed.
    this.#live.forget(id);
    let output: ContainerOutput = { stdout: '', stderr: '' };
    // The last output of a process is certain to be there only once the container has ended.
    const before = async (ended: boolean): Promise<void> => {
      try {
        output = await this.#outputs.read(id, outputBytes, ended);
      } catch (error) {
        this.#options.logger.warn({ err: error, id }, "a container's output could not be read");
      }
    };
    await this.#removals
      .remove(id, { urgent, runs, ...(outputBytes > 0 && { before }) })
      .finally(() => this.#outputs.forget(id));
    return output;
  }

  exitState(id: string, waitMs: number): Promise<ExitState | undefined> {
    return this.#live.wait(id, waitMs);
  }

  output(id: string, maxBytes: number): Promise<ContainerOutput> {
    return this.#outputs.read(id, maxBytes, this.#live.hasEnded(id));
  }

  onExit(id: string, listener: (exit: ExitState) => void): () => void {
    return this.#live.onExit(id, listener);
  }

  usage(containers: readonly { id: string; uid: number }[]): Promise<Map<string, ContainerUsage>> {
    return this.#usages.measure(containers);
  }

  setCpus(id: string, cpus: number): Promise<void> {
    return this.#quota.set(id, cpus);
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
    // A start that was given up above may have made its container after the sweep had its list.
    if (this.#starts.busy) {
      await this.#starts.settled();
      await this.#reaper.sweep();
    }
    await this.#bridge.remove();
  }

  /** Options for a container whose image was removed and is made again. */
  async #renewed(spec: ContainerSpec): Promise<ContainerCreateOptions> {
    const { logger } = this.#options;
    logger.warn('an image is gone; making it again');
    await this.#template.images.prepare(spec.image, (line) => logger.info(line));
    return this.#template.createOptions(spec);
  }

  #onHealth(health: DriverHealth): void {
    if (!health.available) return this.#starts.rejectAll(new DriverError('unavailable', health.reason));
    this.#exits.retry();
    this.#bridge.renew();
    void this.#reaper.sweep().catch(() => undefined);
  }
}
