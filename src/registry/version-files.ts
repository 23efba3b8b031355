/**
 * Owns putting versions in their place on disk and removing them: published by one rename, with a sidecar beside them,
 * removed by a rename into staging first. `data/function-layout.ts` owns the paths. Knows nothing of the store.
 */
import { randomBytes } from 'node:crypto';
import { chmodSync, mkdirSync } from 'node:fs';
import { open, rename, rm, rmdir, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import {
  functionPath,
  listFunctionDirs,
  listVersionsOnDisk,
  sidecarPath,
  versionPath,
} from '../data/function-layout.js';
import { sidecarText } from '../data/sidecar.js';
import { GlambdarError } from '../errors.js';
import { faultPoint } from '../faults.js';
import type { FunctionRecord } from '../model/function/function.js';
import type { FunctionRef } from '../model/function/ref.js';
import type { VersionOnDisk } from '../store/function-store.js';
import { fsyncDir, removeTree } from './tree.js';

export class VersionFiles {
  readonly #functionsDir: string;
  readonly #tmpDir: string;

  /** @param tmpDir staging on the same file system as `functionsDir`, emptied at every start */
  constructor(functionsDir: string, tmpDir: string) {
    this.#functionsDir = functionsDir;
    this.#tmpDir = tmpDir;
  }

  /** A path in staging that does not exist yet. */
  stagingPath(): string {
    return join(this.#tmpDir, `stage-${randomBytes(8).toString('hex')}`);
  }

  /** Absolute path of a version's code. */
  path(ref: FunctionRef, version: number): string {
    return versionPath(this.#functionsDir, ref, version);
  }

  async exists(ref: FunctionRef, version: number): Promise<boolean> {
    return (await stat(this.path(ref, version)).catch(() => null))?.isDirectory() ?? false;
  }

  /** The highest version number on disk; 0 when there is none. Old code may outlive its record while calls run it. */
  highest(ref: FunctionRef): number {
    return listVersionsOnDisk(this.#functionsDir, ref).all[0] ?? 0;
  }

  /** Every version with a directory or a sidecar, of one function or of all functions. */
  list(of?: FunctionRef): VersionOnDisk[] {
    const refs = of ? [of] : listFunctionDirs(this.#functionsDir);
    return refs.flatMap((ref) =>
      listVersionsOnDisk(this.#functionsDir, ref).all.map((version) => ({ ref, version })),
    );
  }

  /**
   * Moves a staged, durable tree to the place of the record's active version, with its sidecar, and makes both names
   * durable. Throws INVALID_NAME when a file is in the place of the function's directory.
   */
  async publish(stagedDir: string, record: FunctionRecord): Promise<void> {
    const { ref, active } = record;
    const directory = functionPath(this.#functionsDir, ref);
    const parent = dirname(directory);
    if (parent !== this.#functionsDir) await this.#makeDirectory(parent, ref);
    await this.#makeDirectory(directory, ref);
    await this.writeSidecar(record);
    faultPoint('deploy.recorded');
    await rename(stagedDir, this.path(ref, active.version));
    faultPoint('deploy.renamed');
    await fsyncDir(directory);
  }

  /** Writes or replaces the sidecar of the record's active version, durably and atomically. */
  async writeSidecar(record: FunctionRecord): Promise<void> {
    const { ref, active } = record;
    const staged = this.stagingPath();
    try {
      const file = await open(staged, 'wx', 0o600);
      try {
        await file.writeFile(sidecarText(record));
        await file.sync();
      } finally {
        await file.close();
      }
      await rename(staged, sidecarPath(this.#functionsDir, ref, active.version));
    } catch (error) {
      await rm(staged, { force: true });
      throw error;
    }
    await fsyncDir(functionPath(this.#functionsDir, ref));
  }

  /** Removes versions; missing ones are ignored. The function's own directory goes with its last version. */
  async remove(ref: FunctionRef, versions: number[]): Promise<void> {
    for (const version of versions) {
      await rm(sidecarPath(this.#functionsDir, ref, version), { force: true });
      const trash = this.stagingPath();
      await rename(this.path(ref, version), trash).catch(ignoreMissing);
      await removeTree(trash);
    }
    // Both removals fail while the directory has other entries, and is still needed.
    const directory = functionPath(this.#functionsDir, ref);
    await rmdir(directory).catch(() => undefined);
    if (dirname(directory) !== this.#functionsDir) await rmdir(dirname(directory)).catch(() => undefined);
  }

  /** Removes the directories of functions without any version in them. */
  async removeEmpty(): Promise<void> {
    for (const ref of listFunctionDirs(this.#functionsDir)) await this.remove(ref, []);
  }

  async #makeDirectory(directory: string, { name }: FunctionRef): Promise<void> {
    try {
      mkdirSync(directory);
      chmodSync(directory, 0o755);
      await fsyncDir(dirname(directory));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      if (!(await stat(directory)).isDirectory())
        throw new GlambdarError(
          'INVALID_NAME',
          `The name "${name}" is taken by a file in the functions folder; choose another one.`,
        );
    }
  }
}

function ignoreMissing(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT' && error.code !== 'ENOTDIR') throw error;
  return undefined;
}
