/** Owns the images that the operator names by reference: found on this machine, or pulled. */
import { DriverError } from '../../driver.js';
import { dockerText } from '../engine/docker-error.js';
import type { Engine } from '../engine/engine.js';
import { followStream } from '../engine/progress-stream.js';
import { findImage, type Image } from './image.js';
import type { RegistryLogins } from './registry-logins.js';

export interface PullOptions {
  /** Gets sentences for the operator. */
  progress: (line: string) => void;
  logins: RegistryLogins;
}

/** Finds the image or pulls it. One call to the daemon when it is there. Rejects with `DriverError`. */
export async function ensurePulledImage(
  engine: Engine,
  reference: string,
  options: PullOptions,
): Promise<Image> {
  const local = await findImage(engine, reference);
  if (local !== undefined) return local;
  try {
    return await pullImage(engine, reference, options);
  } catch (error) {
    if (error instanceof DriverError && error.kind === 'unavailable') throw error;
    throw new DriverError(
      'failed',
      `The image "${reference}" is not on this machine and cannot be pulled: ${daemonText(error)}. ` +
        'Pull or build it with the docker command, or correct the name.',
      { cause: error },
    );
  }
}

/**
 * Pulls the image and finds it. Rejects with `DriverError`, or with an Error that has the daemon's own text: the stream of a
 * pull ends with it.
 */
export async function pullImage(
  engine: Engine,
  reference: string,
  { progress, logins }: PullOptions,
): Promise<Image> {
  progress(`Pulling ${reference}.`);
  // Without a tag the API would pull every tag there is.
  const withTag = /[:@][^/]*$/.test(reference) ? reference : `${reference}:latest`;
  await followStream(await engine.pullImage(withTag, logins.of(reference)), progress);
  const pulled = await findImage(engine, reference);
  if (pulled === undefined) throw new Error(`Docker pulled "${reference}" but does not list it`);
  progress(`Pulled ${reference}.`);
  return pulled;
}

/** The daemon's own words about a pull that failed, for the operator. */
export function daemonText(error: unknown): string {
  return dockerText(error instanceof DriverError && error.cause !== undefined ? error.cause : error);
}
