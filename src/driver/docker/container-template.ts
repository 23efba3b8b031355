/** Owns what all containers of one driver are made from: found out once at `open`, its image made again when somebody removed it. */
import { realpathSync } from 'node:fs';
import { ensureBaseImage } from './image/base-image.js';
import type { BridgeNetwork } from './network/bridge-network.js';
import { createOptions, type ContainerContext } from './container-options.js';
import { detectFeatures } from './docker-features.js';
import type { DockerDriverOptions } from './docker-driver-options.js';
import type { ContainerSpec } from '../driver.js';
import type { ContainerCreateOptions, Engine } from './engine/engine.js';

export interface ContainerTemplateOptions extends Pick<
  DockerDriverOptions,
  'dirId' | 'bootId' | 'runtime' | 'image' | 'workerDir' | 'logger'
> {
  engine: Engine;
  bridge: Pick<BridgeNetwork, 'name' | 'resolvers'>;
}

/** Empty until `open`. */
export class ContainerTemplate {
  readonly #options: ContainerTemplateOptions;
  #context: ContainerContext | undefined;
  #rootDir: string | null = null;

  constructor(options: ContainerTemplateOptions) {
    this.#options = options;
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

  /** Rejects with `DriverError` when the daemon cannot make our containers. */
  async open(progress: (line: string) => void): Promise<void> {
    const { engine, bridge, dirId, bootId, runtime, workerDir, image } = this.#options;
    const { rootDir, ...features } = await detectFeatures(engine, runtime);
    this.#rootDir = rootDir;
    this.#context = {
      dirId,
      bootId,
      runtime,
      image: await ensureBaseImage(engine, { image, progress }),
      bridgeNetwork: bridge.name,
      bridgeResolvers: bridge.resolvers,
      ...features,
      workerDir: realpathSync.native(workerDir),
    };
  }

  /** @param slotSource the slot's real path, checked */
  createOptions(spec: ContainerSpec, slotSource: string): ContainerCreateOptions {
    return createOptions(spec, slotSource, this.#context as ContainerContext);
  }

  async renewImage(): Promise<void> {
    const { engine, logger, image } = this.#options;
    logger.warn('the base image is gone; making it again');
    const renewed = await ensureBaseImage(engine, { image, progress: (line) => logger.info(line) });
    this.#context = { ...(this.#context as ContainerContext), image: renewed };
  }
}
