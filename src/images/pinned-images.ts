/** Owns which pinned images are known to be on this machine: the driver is asked once for each, and again after one was missing. */
import type { Driver } from '../driver/driver.js';

export class PinnedImages {
  readonly #driver: Pick<Driver, 'prepareImage'>;
  /** Digest → whether the image is here, as far as the driver has answered. */
  readonly #known = new Map<string, Promise<void>>();

  constructor(driver: Pick<Driver, 'prepareImage'>) {
    this.#driver = driver;
  }

  /** Resolves when containers can be started from the image. Rejects with `ImageError` when it is missing, or with `DriverError`. */
  ready(digest: string): Promise<void> {
    let known = this.#known.get(digest);
    if (known === undefined) {
      known = this.#driver.prepareImage({ type: 'pinned', digest }, () => undefined);
      this.#known.set(digest, known);
      known.catch(() => this.forget(digest));
    }
    return known;
  }

  /** The image was found missing. */
  forget(digest: string): void {
    this.#known.delete(digest);
  }
}
