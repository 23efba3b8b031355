/** Owns the images that clients name: found on this machine, or pulled, and the reason in words when neither works. */
import { DriverError, ImageError, type ObtainImageOptions } from '../../driver.js';
import { statusOf } from '../engine/docker-error.js';
import type { Engine } from '../engine/engine.js';
import { findImage, type Image } from './image.js';
import { daemonText, pullImage, type PullOptions } from './pulled-image.js';
import { registryOf } from './registry-logins.js';

/** Rejects with `ImageError`, or with a `DriverError` when the daemon is unavailable. */
export async function obtainImage(
  engine: Engine,
  reference: string,
  { pull, ...options }: PullOptions & Pick<ObtainImageOptions, 'pull'>,
): Promise<Image> {
  const local =
    pull === 'missing'
      ? await findImage(engine, reference).catch((error: unknown) => {
          if (statusOf(error) !== 400) throw error;
          throw new ImageError('unusable', `Docker does not take "${reference}" for the name of an image.`, {
            cause: error,
          });
        })
      : undefined;
  if (local !== undefined) return local;
  try {
    return await pullImage(engine, reference, options);
  } catch (error) {
    if (error instanceof DriverError && error.kind === 'unavailable') throw error;
    throw inWords(reference, error);
  }
}

/**
 * The daemon tells the causes apart by its text alone, which differs between its releases and between registries. A
 * registry that hides private images says of a missing one that access is denied.
 */
function inWords(reference: string, cause: unknown): ImageError {
  const text = daemonText(cause);
  const registry = registryOf(reference);
  if (/unauthorized|authentication required|no basic auth|denied|401|403/i.test(text))
    return new ImageError(
      'unauthorised',
      `The registry ${registry} does not give "${reference}" to this server: there is no such image, or it is private. ` +
        'Correct the name, or give this server credentials with docker login or GLAMBDAR_REGISTRY_AUTH.',
      { cause },
    );
  if (/not found|manifest unknown|name unknown|does not exist|404|no matching manifest/i.test(text))
    return new ImageError(
      'not-found',
      `There is no image "${reference}" on this machine or at the registry ${registry}. Correct the name, or push the image.`,
      { cause },
    );
  if (
    /dial tcp|connection refused|no such host|lookup|timeout|deadline|tls|x509|server gave HTTP|EOF|5\d\d/i.test(
      text,
    )
  )
    return new ImageError(
      'registry-away',
      `The image "${reference}" is not on this machine, and the registry ${registry} cannot be reached now. ` +
        'Try again later, or pull the image with the docker command.',
      { cause },
    );
  return new ImageError(
    'unusable',
    `The image "${reference}" cannot be pulled from the registry ${registry}.`,
    {
      cause,
    },
  );
}
