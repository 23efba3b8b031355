/** Owns how the image of a container is named, whether or not it exists. */
import { GlambdarError } from '../errors.js';
import { printable } from './printable.js';

/**
 * `node`: the image this program builds around a Node binary. `reference`: any other image, by a name that `docker pull`
 * takes. `pinned`: an image that was on this machine once, by its id `sha256:…`; it is never pulled.
 */
export type ContainerImage =
  { type: 'node' } | { type: 'reference'; reference: string } | { type: 'pinned'; digest: string };

/** A key that is equal exactly for names of the same image. */
export function imageKey(image: ContainerImage): string {
  switch (image.type) {
    case 'node':
      return 'node';
    case 'reference':
      return `reference ${image.reference}`;
    case 'pinned':
      return `pinned ${image.digest}`;
  }
}

const MAX_LENGTH = 512;
const PART = '[a-z0-9]+(?:(?:\\.|_{1,2}|-+)[a-z0-9]+)*';
const PORT = '(?::\\d{1,5})?';
/** A first part is a host when it has a dot or a port, or is `localhost`; else it belongs to the path. */
const HOST = `(?:localhost${PORT}|[A-Za-z0-9-]+:\\d{1,5}|[A-Za-z0-9-]+(?:\\.[A-Za-z0-9-]+)+${PORT}|\\[[0-9a-fA-F:]+\\]${PORT})`;
const TAG = '(?::[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?';
/** `[host[:port]/]path[:tag][@sha256:…]`, as the distribution project defines it. */
const REFERENCE = new RegExp(`^(?:${HOST}/)?${PART}(?:/${PART})*${TAG}(?:@sha256:[0-9a-f]{64})?$`);

/** Any value → an image reference. Throws INVALID_REQUEST. */
export function parseImageReference(value: unknown): string {
  if (typeof value === 'string' && value.length <= MAX_LENGTH && REFERENCE.test(value)) return value;
  const got = typeof value === 'string' ? printable(value) : `a value of type ${typeof value}`;
  throw new GlambdarError('INVALID_REQUEST', `An image is named like "ghcr.io/owner/name:tag", not ${got}.`);
}
