/**
 * Owns the second container of an instance whose function is an image with an HTTP server: the image's own program. It joins
 * the network of the worker's container, so that nothing but the worker reaches its ports, and sees neither slot nor worker.
 */
import type { ContainerOutput, ContainerSpec, Driver, ExitState, NetworkKind } from '../driver/driver.js';
import type { ContainerImage } from '../model/container-image.js';
import { containerLimits } from './container-limits.js';

/** Label of such a container: the id of the instance. */
const BESIDE = 'glambdar.beside';

/** An image that runs beside a worker, and what its container may take. */
export interface ServerImage {
  image: ContainerImage;
  /** The port on which it answers HTTP. */
  port: number;
  env: Readonly<Record<string, string>>;
  memoryMb: number;
  cpus: number;
  /** CPU-seconds after which the kernel ends a process of it. */
  cpuSeconds: number;
  /** That of the worker's container. */
  network: NetworkKind;
}

export interface CompanionOptions {
  driver: Driver;
  server: ServerImage;
  /** `[a-z0-9]{8,}`, of one container for ever. */
  id: string;
  /** Of no other container alive. */
  uid: number;
  /** Id of the container whose network is joined. */
  joins: string;
}

export class Companion {
  readonly id: string;
  readonly uid: number;
  readonly port: number;
  readonly #options: CompanionOptions;
  readonly #life = new AbortController();
  #started: Promise<void> | null = null;

  constructor(options: CompanionOptions) {
    this.#options = options;
    this.id = options.id;
    this.uid = options.uid;
    this.port = options.server.port;
  }

  /**
   * Starts the container; the one whose network it joins must run. Rejects with DriverError.
   * @param onExit called when the container ends, unless `stop` came before
   */
  start(onExit: (exit: ExitState) => void): Promise<void> {
    const { driver } = this.#options;
    const { signal } = this.#life;
    const stopListening = driver.onExit(this.id, onExit);
    signal.addEventListener('abort', stopListening, { once: true });
    this.#started = driver.start(this.#spec(), signal);
    return this.#started;
  }

  /** How the container ended, waiting up to `waitMs` for its end; undefined while it runs. */
  exitState(waitMs: number): Promise<ExitState | undefined> {
    return this.#options.driver.exitState(this.id, waitMs).catch(() => undefined);
  }

  /** What the image printed so far, the end of each stream; nothing when the driver cannot tell. */
  output(maxBytes: number): Promise<ContainerOutput> {
    return this.#options.driver
      .output(this.id, maxBytes)
      .catch((): ContainerOutput => ({ stdout: '', stderr: '' }));
  }

  /** Kills and removes the container, in any state. Rejects with DriverError: then the driver's reaper removes it later. */
  async stop(urgent: boolean, outputBytes: number): Promise<ContainerOutput> {
    this.#life.abort(new Error('the image was stopped'));
    await this.#started?.catch(() => undefined);
    return await this.#options.driver.remove(this.id, { urgent, outputBytes });
  }

  #spec(): ContainerSpec {
    const { server, joins } = this.#options;
    const { image, env, memoryMb, cpus, cpuSeconds, network } = server;
    return {
      id: this.id,
      image,
      command: null,
      env: { HOME: '/tmp', TMPDIR: '/tmp', ...env },
      workingDir: null,
      mounts: [],
      network: { joins, kind: network },
      user: { uid: this.uid, gid: this.uid },
      limits: containerLimits({ memoryMb, cpus }, cpuSeconds),
      labels: { [BESIDE]: joins },
    };
  }
}
