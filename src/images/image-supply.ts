/** Owns getting images onto this machine for deploys, and the driver's errors about it as errors for clients. */
import type { Logger } from '../logger.js';
import { ImageError, DriverError, type Driver } from '../driver/driver.js';
import { GlambdarError } from '../errors.js';
import { driverUnavailable, networkUnavailable } from '../model/call/refusal.js';
import type { FunctionSettings } from '../model/function/settings.js';

export interface ImageSupplyOptions {
  driver: Pick<Driver, 'obtainImage' | 'prepareNetwork'>;
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
        if (error instanceof ImageError)
          throw new GlambdarError('IMAGE_UNAVAILABLE', error.message, {
            cause: error,
            details: { reason: error.reason },
          });
        if (error instanceof DriverError && error.kind === 'unavailable') throw driverUnavailable();
        throw error;
      }
    },

    async prepareNetwork(network: FunctionSettings['network']): Promise<void> {
      await driver.prepareNetwork(network).catch((error: unknown) => {
        throw networkUnavailable(network, error);
      });
    },
  };
}
