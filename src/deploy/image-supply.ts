/** Owns the interface by which a deploy gets an image onto this machine. `images/` implements it. */
import type { FunctionSettings } from '../model/function/settings.js';

/** An image that is on this machine. */
export interface SuppliedImage {
  /** `sha256:…`, the id of the image here. */
  digest: string;
  sizeBytes: number;
  /** TCP ports that the image exposes, ascending. */
  ports: number[];
}

export interface ImageSupply {
  /**
   * Finds the image, or pulls it. Rejects with IMAGE_UNAVAILABLE, which says why the image cannot be had, or DRIVER_UNAVAILABLE.
   * @param pull `missing`: an image that is here is taken as it is; `always`: the registry is asked for a newer one
   */
  obtain(reference: string, pull: 'missing' | 'always'): Promise<SuppliedImage>;
  /** Resolves when the image of this id is on this machine. Rejects with IMAGE_UNAVAILABLE or DRIVER_UNAVAILABLE. */
  assertHere(digest: string): Promise<void>;
  /** Prepares a network for containers. Rejects with INVALID_REQUEST when the network cannot be had. */
  prepareNetwork(network: FunctionSettings['network']): Promise<void>;
}
