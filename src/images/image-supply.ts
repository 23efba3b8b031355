/** Owns getting images onto this machine for deploys, and the driver's errors about it as errors for clients. */
import type { Logger } from '../logger.js';
import { ImageError, DriverError, type Driver } from '../driver/driver.js';
import { GlambdarError } from '../errors.js';
import { driverUnavailable, networkUnavailable } from '../model/call/refusal.js';
import type { FunctionSettings } from '../model/function/settings.js';

export interface ImageSupplyOptions {
  driver: Pick<Driver, 'obtainImage' | 'prepareImage' | 'prepareNetwork'>;
  logger: Pick<Logger, 'info'>;
}

/** The deploys' interface to images; see `deploy/image-supply.ts`. */
export function createImageSupply({ driver, logger }: ImageSupplyOptions) {
  return {
    async obtain(
      reference: string,
      pull: 'missing' | 'always',
    ): Promise<{ digest: string; sizeBytes: number; ports: number[] }> {
      try {
        const progress = (line: string): void => logger.info({ image: reference }, line);
        const { id, sizeBytes, ports } = await driver.obtainImage(reference, { pull, progress });
        return { digest: id, sizeBytes, ports };
      } catch (error) {
        throw namedImageError(error);
      }
    },

    async assertHere(digest: string): Promise<void> {
      await driver
        .prepareImage({ type: 'pinned', digest }, () => undefined)
        .catch((error: unknown) => {
          throw namedImageError(error);
        });
    },

    async prepareNetwork(network: FunctionSettings['network']): Promise<void> {
      await driver.prepareNetwork(network).catch((error: unknown) => {
        throw networkUnavailable(network, error);
      });
    },
  };
}

/** The driver's error about an image as the client's; any other error as it is. */
function namedImageError(error: unknown): unknown {
  if (error instanceof ImageError)
    return new GlambdarError('IMAGE_UNAVAILABLE', error.message, {
      cause: error,
      details: { reason: error.reason },
    });
  return error instanceof DriverError && error.kind === 'unavailable' ? driverUnavailable() : error;
}
