/**
 * Owns the names that a container without a network can resolve: `localhost` and no other. The daemon mounts empty files over
 * /etc/hosts and /etc/resolv.conf of such a container; ours take their places, so they cost a start no further mounts.
 */
import { join } from 'node:path';
import { InstalledFile } from '../../../installed-file.js';
import { DriverError, type ContainerMount } from '../../driver.js';

const hosts = '127.0.0.1 localhost\n::1 localhost\n';

/**
 * A resolver that is told of no name server asks one on the loopback. glibc notices at once that nobody listens there; musl
 * does not and would wait 10 s, were it not for the options.
 */
const resolver =
  '# This container has no network, so there is no name server.\noptions timeout:0 attempts:1\n';

/** One pair of files for all containers of a driver. */
export class LoopbackFiles {
  readonly mounts: readonly ContainerMount[];
  readonly #files: readonly InstalledFile[];

  /** Writes nothing before `repair`. @param directory real path of an existing directory */
  constructor(directory: string) {
    const texts = { hosts, 'resolv.conf': resolver };
    const path = (name: string): string => join(directory, name);
    this.#files = Object.entries(texts).map(([name, text]) => new InstalledFile(path(name), text));
    this.mounts = Object.keys(texts).map((name) => ({
      source: path(name),
      target: `/etc/${name}`,
      readOnly: true,
    }));
  }

  /** Writes each file that is not there as it was written. @throws DriverError */
  repair(): void {
    try {
      for (const file of this.#files) file.repair();
    } catch (error) {
      throw new DriverError('failed', `The run directory cannot be written: ${(error as Error).message}.`, {
        cause: error,
      });
    }
  }
}
