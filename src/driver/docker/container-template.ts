/** Owns what all containers of one driver have in common: found out once at `open`, then the same for every container. */
import { createOptions, type ContainerContext } from './container-options.js';
import type { DockerDriverOptions } from './docker-driver-options.js';
import { detectFeatures } from './docker-features.js';
import { LoopbackFiles } from './network/loopback-files.js';
import { networkKind, type ContainerSpec } from '../driver.js';
import type { ContainerCreateOptions, Engine } from './engine/engine.js';
import { Images } from './image/images.js';
import { RegistryLogins } from './image/registry-logins.js';
import { checkedMounts } from './lifecycle/mount-sources.js';
import type { BridgeNetwork } from './network/bridge-network.js';

export interface ContainerTemplateOptions extends Pick<
  DockerDriverOptions,
  'dirId' | 'bootId' | 'ociRuntime' | 'filesDir' | 'hostPrograms' | 'registryAuth' | 'logger'
> {
  engine: Engine;
  bridge: Pick<BridgeNetwork, 'name' | 'resolvers'>;
}

/** Makes nothing before `open`. */
export class ContainerTemplate {
  readonly images: Images;
  readonly #options: ContainerTemplateOptions;
  #context: ContainerContext | undefined;
  #files: LoopbackFiles | undefined;
  #runRoot = '';
  #rootDir: string | null = null;

  constructor(options: ContainerTemplateOptions) {
    this.#options = options;
    const logins = new RegistryLogins({ file: options.registryAuth ?? null, logger: options.logger });
    this.images = new Images(options.engine, logins);
  }

  get isOpen(): boolean {
    return this.#context !== undefined;
  }

  /** The daemon's own directory, if it says. */
  get rootDir(): string | null {
    return this.#rootDir;
  }

  /** The group of all containers, as the daemon is told it. */
  get cgroupParent(): string | null {
    return this.#context?.cgroupParent ?? null;
  }

  /**
   * Rejects with `DriverError` when the daemon cannot make our containers.
   * @param runRoot real path of the directory that every mounted file is in
   */
  async open(runRoot: string): Promise<void> {
    const { engine, bridge, dirId, bootId, ociRuntime, filesDir } = this.#options;
    const { rootDir, ...features } = await detectFeatures(engine, ociRuntime);
    this.#rootDir = rootDir;
    this.#runRoot = runRoot;
    this.#files = new LoopbackFiles(filesDir);
    this.#context = {
      dirId,
      bootId,
      ociRuntime,
      bridgeNetwork: bridge.name,
      bridgeResolvers: bridge.resolvers,
      loopbackMounts: this.#files.mounts,
      ...features,
    };
  }

  /** @throws DriverError when a mount's source may not be mounted or the image is not prepared */
  createOptions(spec: ContainerSpec): ContainerCreateOptions {
    if (networkKind(spec) === 'none') this.#files?.repair();
    const mounts = checkedMounts(spec.mounts, this.#runRoot, this.#options.hostPrograms?.());
    return createOptions(spec, mounts, this.images.get(spec.image), this.#context as ContainerContext);
  }
}
