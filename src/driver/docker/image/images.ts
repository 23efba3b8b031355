/** Owns the images that containers may be started from: found once, so that a start asks nothing, and made again when lost. */
import { imageKey, type ContainerImage } from '../../../model/container-image.js';
import { DriverError } from '../../driver.js';
import type { Engine } from '../engine/engine.js';
import type { Image } from './image.js';
import { ensureNodeImage } from './node-image.js';
import { ensurePulledImage } from './pulled-image.js';

/** Images by name, for one driver. */
export class Images {
  readonly #engine: Engine;
  readonly #prepared = new Map<string, Image>();
  /** Preparations under way: several starts find out at the same time that their image is gone. */
  readonly #preparing = new Map<string, Promise<void>>();

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  /** @throws DriverError when the image is not prepared */
  get(image: ContainerImage): Image {
    const prepared = this.#prepared.get(imageKey(image));
    if (prepared === undefined) throw new DriverError('failed', 'The image is not prepared.');
    return prepared;
  }

  /** Finds, builds or pulls the image; joins a preparation under way. Rejects with `DriverError`. */
  prepare(image: ContainerImage, progress: (line: string) => void): Promise<void> {
    const key = imageKey(image);
    let preparing = this.#preparing.get(key);
    if (preparing === undefined) {
      preparing = this.#prepare(image, key, progress).finally(() => this.#preparing.delete(key));
      this.#preparing.set(key, preparing);
    }
    return preparing;
  }

  async #prepare(image: ContainerImage, key: string, progress: (line: string) => void): Promise<void> {
    const prepared =
      image.type === 'node'
        ? await ensureNodeImage(this.#engine, { progress })
        : await ensurePulledImage(this.#engine, image.reference, progress);
    this.#prepared.set(key, prepared);
  }
}
