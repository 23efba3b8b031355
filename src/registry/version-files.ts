/**
 * Owns where versions lie on disk and how they get there and go: `functions/<name>/<version>/` with its sidecar
 * `<version>.json`, published by one rename, removed by a rename into staging first. Knows nothing of the store.
 */
import { randomBytes } from 'node:crypto';
import { chmodSync, mkdirSync } from 'node:fs';
import { open, readdir, rename, rm, rmdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { GlambdarError } from '../errors.js';
import { faultPoint } from '../faults.js';
import { sidecarPath, type Sidecar } from '../data/sidecar.js';
import { isFunctionName } from '../model/function-name.js';
import { fsyncDir, removeTree } from './tree.js';

const VERSION = /^[1-9]\d{0,14}$/;

export class VersionFiles {
  #functionsDir: string;
  #tmpDir: string;

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
  path(name: string, version: number): string {
    return join(this.#functionsDir, name, String(version));
  }

  async exists(name: string, version: number): Promise<boolean> {
    return (await stat(this.path(name, version)).catch(() => null))?.isDirectory() ?? false;
  }

  /** The highest version number there is a directory of; 0 when none. Old code may outlive its record while calls run it. */
  async highest(name: string): Promise<number> {
    return Math.max(0, ...(await this.#versions(name)));
  }

  /**
   * Moves a staged, durable tree to its place, with its sidecar, and makes both names durable.
   * Throws INVALID_NAME when something that is not a function stands there.
   */
  async publish(stagedDir: string, sidecar: Sidecar): Promise<void> {
    const { name, version } = sidecar.version;
    const parent = join(this.#functionsDir, name);
    try {
      mkdirSync(parent);
      chmodSync(parent, 0o755);
      await fsyncDir(this.#functionsDir);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      if (!(await stat(parent)).isDirectory())
        throw new GlambdarError(
          'INVALID_NAME',
          `The name "${name}" is taken by a file in the functions folder; choose another one.`,
        );
    }
    await this.writeSidecar(sidecar);
    faultPoint('deploy.recorded');
    await rename(stagedDir, this.path(name, version));
    faultPoint('deploy.renamed');
    await fsyncDir(parent);
  }

  /** Writes or replaces `<version>.json`, durably and atomically. */
  async writeSidecar(sidecar: Sidecar): Promise<void> {
    const staged = this.stagingPath();
    const file = await open(staged, 'wx', 0o600);
    try {
      await file.writeFile(JSON.stringify(sidecar));
      await file.sync();
    } finally {
      await file.close();
    }
    const { name, version } = sidecar.version;
    await rename(staged, sidecarPath(this.#functionsDir, name, version));
    await fsyncDir(join(this.#functionsDir, name));
  }

  /** Removes versions; what is not there is ignored. The function's own directory goes with its last version. */
  async remove(name: string, versions: number[]): Promise<void> {
    for (const version of versions) {
      await rm(sidecarPath(this.#functionsDir, name, version), { force: true });
      const trash = this.stagingPath();
      await rename(this.path(name, version), trash).catch(ignoreMissing);
      await removeTree(trash);
    }
    // Fails while another version is in it: then it is still wanted.
    await rmdir(join(this.#functionsDir, name)).catch(() => undefined);
  }

  /**
   * Removes what a crash left: version directories and sidecars the store does not know. Returns what it removed.
   * Anything that does not look like ours is left alone.
   */
  async reconcile(known: (name: string, version: number) => boolean): Promise<string[]> {
    const removed: string[] = [];
    for (const entry of await readdir(this.#functionsDir, { withFileTypes: true })) {
      if (!entry.isDirectory() || !isFunctionName(entry.name)) continue;
      const orphans = (await this.#versions(entry.name)).filter((version) => !known(entry.name, version));
      if (orphans.length === 0 && (await readdir(join(this.#functionsDir, entry.name))).length > 0) continue;
      await this.remove(entry.name, orphans);
      removed.push(...orphans.map((version) => `${entry.name}@${version}`));
    }
    return removed;
  }

  /** Every version number that has a directory or a sidecar. */
  async #versions(name: string): Promise<number[]> {
    const entries = await readdir(join(this.#functionsDir, name)).catch(ignoreMissing);
    const numbers = (entries ?? [])
      .map((entry) => entry.replace(/\.json$/, ''))
      .filter((entry) => VERSION.test(entry));
    return [...new Set(numbers.map(Number))];
  }
}

function ignoreMissing(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT' && error.code !== 'ENOTDIR') throw error;
  return undefined;
}
