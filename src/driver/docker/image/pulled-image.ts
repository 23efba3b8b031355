/** Owns images that are named by reference: found on this machine, or pulled. */
import { DriverError } from '../../driver.js';
import { dockerText } from '../engine/docker-error.js';
import type { Engine } from '../engine/engine.js';
import { followStream } from '../engine/progress-stream.js';
import { findImage, type Image } from './image.js';

/**
 * Finds the image or pulls it. One call to the daemon when it is there. Rejects with `DriverError`.
 * @param progress gets sentences for the operator
 */
export async function ensurePulledImage(
  engine: Engine,
  reference: string,
  progress: (line: string) => void,
): Promise<Image> {
  const local = await findImage(engine, reference);
  if (local !== undefined) return local;
  progress(`Pulling ${reference}.`);
  try {
    // Without a tag the API would pull every tag there is.
    const withTag = /[:@][^/]*$/.test(reference) ? reference : `${reference}:latest`;
    await followStream(await engine.pullImage(withTag), progress);
  } catch (error) {
    if (error instanceof DriverError && error.kind === 'unavailable') throw error;
    const reason = dockerText(
      error instanceof DriverError && error.cause !== undefined ? error.cause : error,
    );
    throw new DriverError(
      'failed',
      `The image "${reference}" is not on this machine and cannot be pulled: ${reason}. ` +
        'Pull or build it with the docker command, or correct the name.',
      { cause: error },
    );
  }
  const pulled = await findImage(engine, reference);
  if (pulled === undefined)
    throw new DriverError('failed', `Docker pulled "${reference}" but does not list it.`);
  progress(`Pulled ${reference}.`);
  return pulled;
}
