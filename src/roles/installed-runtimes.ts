/** Owns the runtimes of this server: the files of their workers, and the images that their containers begin with. */
import { join } from 'node:path';
import { DriverError, type Driver } from '../driver/driver.js';
import type { ContainerImage } from '../model/container-image.js';
import { InstalledRuntime } from '../runtimes/installed-runtime.js';
import { runtimes } from '../runtimes/runtimes.js';

/** All runtimes by name, each with its files in a directory of its own. @param image the operator's image for `node`, or null */
export function installRuntimes(filesDir: string, image: string | null): Map<string, InstalledRuntime> {
  const chosen = image === null ? undefined : ({ type: 'reference', reference: image } as const);
  return new Map(
    [...runtimes.values()].map((runtime) => {
      const workerDir = join(filesDir, runtime.name);
      return [
        runtime.name,
        new InstalledRuntime(runtime, workerDir, runtime.name === 'node' ? chosen : undefined),
      ];
    }),
  );
}

/** Prepares an image. Rejects with `DriverError`, which names the setting when the operator chose the image. */
export async function prepareImage(
  driver: Driver,
  image: ContainerImage,
  chosen: string | null,
  progress: (line: string) => void,
): Promise<void> {
  try {
    await driver.prepareImage(image, progress);
  } catch (error) {
    if (!(error instanceof DriverError) || image.type !== 'reference' || image.reference !== chosen)
      throw error;
    const hint = 'Or leave GLAMBDAR_IMAGE unset to use the built-in image.';
    throw new DriverError(error.kind, `GLAMBDAR_IMAGE cannot be used. ${error.message} ${hint}`, {
      cause: error,
    });
  }
}
