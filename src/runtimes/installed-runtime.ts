/** Owns the files of one runtime's worker as its containers see them: installed once, and put back when they are damaged. */
import { join } from 'node:path';
import { InstalledFile } from '../installed-file.js';
import type { ContainerImage } from '../model/container-image.js';
import type { Runtime } from './runtime.js';

export class InstalledRuntime {
  readonly runtime: Runtime;
  /** The runtime's own, or the one the operator chose. */
  readonly image: ContainerImage;
  /** Absolute path of the directory that is mounted at `/worker`. */
  readonly workerDir: string;
  readonly #files: readonly InstalledFile[];

  /**
   * Reads the files of the worker and writes nothing before `repair`.
   * @param workerDir absolute; made when it is missing
   */
  constructor(runtime: Runtime, workerDir: string, image: ContainerImage = runtime.image) {
    this.runtime = runtime;
    this.image = image;
    this.workerDir = workerDir;
    this.#files = Object.entries(runtime.workerFiles()).map(
      ([name, content]) => new InstalledFile(join(workerDir, name), content),
    );
  }

  /**
   * Writes every file that is not there as it was written, readable for any uid. Cheap when all are (one `lstat` a file), so
   * every start does it.
   * @throws the file system's error when one cannot be written
   */
  repair(): void {
    for (const file of this.#files) file.repair();
  }
}
