/** Owns the images that containers may be started from: found once, so that a start asks nothing, and made again when lost. */
import { imageKey, type ContainerImage } from '../../../model/container-image.js';
import { DriverError, ImageError, type LocalImage, type ObtainImageOptions } from '../../driver.js';
import type { Engine } from '../engine/engine.js';
import { findImage, type Image } from './image.js';
import { ensureNodeImage } from './node-image.js';
import { obtainImage } from './obtained-image.js';
import { ensurePulledImage } from './pulled-image.js';
import type { RegistryLogins } from './registry-logins.js';

/** Images by name, for one driver. */
export class Images {
  readonly #engine: Engine;
  readonly #logins: RegistryLogins;
  readonly #prepared = new Map<string, Image>();
  /** Preparations under way: several starts find out at the same time that their image is gone. */
  readonly #preparing = new Map<string, Promise<void>>();

  constructor(engine: Engine, logins: RegistryLogins) {
    this.#engine = engine;
    this.#logins = logins;
  }

  has(image: ContainerImage): boolean {
    return this.#prepared.has(imageKey(image));
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

  /** See `Driver.obtainImage`. */
  async obtain(reference: string, { pull, progress }: ObtainImageOptions): Promise<LocalImage> {
    const image = await obtainImage(this.#engine, reference, { pull, progress, logins: this.#logins });
    this.#prepared.set(imageKey({ type: 'pinned', digest: image.id }), image);
    return { id: image.id, sizeBytes: image.sizeBytes, ports: image.ports };
  }

  async #prepare(image: ContainerImage, key: string, progress: (line: string) => void): Promise<void> {
    this.#prepared.set(key, await this.#ensure(image, progress));
  }

  #ensure(image: ContainerImage, progress: (line: string) => void): Promise<Image> {
    switch (image.type) {
      case 'node':
        return ensureNodeImage(this.#engine, { progress });
      case 'reference':
        return ensurePulledImage(this.#engine, image.reference, { progress, logins: this.#logins });
      case 'pinned':
        return this.#find(image.digest);
    }
  }

  async #find(digest: string): Promise<Image> {
    const found = await findImage(this.#engine, digest);
    if (found === undefined) throw new ImageError('not-found', 'The image is not on this machine any more.');
    return found;
  }
}
