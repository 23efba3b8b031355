/** Owns what a runtime is: all that the containers and workers of one language differ in. One row per language. */
import type { ContainerImage } from '../model/container-image.js';

export interface Runtime {
  /** As a profile names it. */
  readonly name: string;
  readonly image: ContainerImage;
  /** Program and arguments of a worker whose container may take `memoryMb`; the files of the worker are in `/worker`. */
  command(memoryMb: number): readonly string[];
  /** What the worker finds in its environment, beside what every worker finds there. */
  readonly env: Readonly<Record<string, string>>;
  /** A sentence about a variable of a function's `env` that could not take effect; null when all can. */
  variableProblem(env: Readonly<Record<string, string>>): string | null;
  /**
   * The file of a bundle that the worker will load, and files of the same name with other extensions, as paths relative to
   * `treeDir`; or a sentence about why there is none. Null when the file may come with dependencies that are still to be installed.
   * @param handler the setting `handler`, as a path into the bundle
   */
  foreseeEntry(
    treeDir: string,
    handler: string | null,
  ): { file: string; others: string[] } | { problem: string } | null;
  /** The files of the worker: content by name, one level deep. Reads them from where this program is installed. */
  workerFiles(): Readonly<Record<string, string>>;
}
