/**
 * Owns the context folder of a call: `request.json` and `response.json` on a file system in memory of the call's own, which
 * bounds what the container can write, in bytes and in files. Such a file system is mounted once and used by one call after
 * the other; when a container has left more in it than the two files, it is unmounted, with all there is in it.
 */
import { randomUUID } from 'node:crypto';
import {
  chownSync,
  mkdirSync,
  readdirSync,
  rmdirSync,
  rmSync,
  statSync,
  unlinkSync,
  writeFileSync,
  type BigIntStats,
} from 'node:fs';
import { join } from 'node:path';
import { GlambdarError } from '../errors.js';
import type { Logger } from '../logger.js';

const MIB = 2 ** 20;
/** Files and folders that a container may make beside the two. */
const INODES = 1024;
const FILES = ['request.json', 'response.json'];

/** What `response.json` holds before the container runs. */
const PREFILLED = '{}';

export interface ContextFoldersOptions {
  /** Absolute path of a directory of its own, inside the driver's run directory; made when it is missing. */
  dir: string;
  /** The largest request or response, in bytes. */
  maxBodyBytes: number;
  /** Mounts an empty file system in memory on a directory. */
  mount: (directory: string, limits: { bytes: number; inodes: number }) => Promise<void>;
  /** Unmounts it, also while somebody has it open. */
  unmount: (directory: string) => Promise<void>;
  logger: Logger;
}

export class ContextFolder {
  /** Absolute path on the host. */
  readonly path: string;
  /** Absolute path in the container. */
  readonly pathInside: string;
  readonly responsePath: string;
  /** The response file as it was before the container ran. */
  readonly prefilled: BigIntStats;
  readonly #release: (reusable: boolean) => void;

  /** @param mountDir root of an empty file system  @param uid of the container's user, who owns the folder and both files */
  constructor(mountDir: string, uid: number, body: Buffer, release: (reusable: boolean) => void) {
    const name = randomUUID();
    this.path = join(mountDir, name);
    this.pathInside = `/tmp/context/${name}`;
    this.responsePath = join(this.path, 'response.json');
    this.#release = release;
    mkdirSync(this.path, { mode: 0o700 });
    for (const [file, content] of [
      ['request.json', body],
      ['response.json', PREFILLED],
    ] as const) {
      writeFileSync(join(this.path, file), content, { flag: 'wx', mode: 0o600 });
      chownSync(join(this.path, file), uid, uid);
    }
    chownSync(this.path, uid, uid);
    this.prefilled = statSync(this.responsePath, { bigint: true });
  }

  /**
   * Removes the folder. To be called once.
   * @param gone the container is certain to be gone; else nobody else may use the file system
   */
  release(gone: boolean): void {
    this.#release(gone && this.#cleared());
  }

  /** Removes the two files and the folder; false when there is anything else in it: clearing that may take for ever. */
  #cleared(): boolean {
    try {
      const entries = readdirSync(this.path, { withFileTypes: true });
      if (!entries.every((entry) => entry.isFile() && FILES.includes(entry.name))) return false;
      for (const { name } of entries) unlinkSync(join(this.path, name));
      rmdirSync(this.path);
      return true;
    } catch {
      return false;
    }
  }
}

export class ContextFolders {
  readonly #options: ContextFoldersOptions;
  /** Mounted and empty. */
  readonly #free: string[] = [];
  readonly #mounted = new Set<string>();
  readonly #unmounting = new Set<Promise<void>>();

  constructor(options: ContextFoldersOptions) {
    this.#options = options;
  }

  /** Makes a folder for one call. Rejects with DRIVER_UNAVAILABLE when this server cannot mount, or is out of memory. */
  async take(uid: number, body: Buffer): Promise<ContextFolder> {
    const mountDir = this.#free.pop() ?? (await this.#mount());
    try {
      return new ContextFolder(mountDir, uid, body, (reusable) => {
        if (reusable) this.#free.push(mountDir);
        else this.#discard(mountDir);
      });
    } catch (cause) {
      this.#discard(mountDir);
      throw unavailable(
        'The context folder of the call could not be made; the server log has the reason.',
        cause,
      );
    }
  }

  /** Unmounts everything. */
  async close(): Promise<void> {
    for (const mountDir of this.#mounted) this.#discard(mountDir);
    await Promise.all(this.#unmounting);
    rmSync(this.#options.dir, { recursive: true, force: true });
  }

  async #mount(): Promise<string> {
    const { dir, mount, maxBodyBytes } = this.#options;
    const mountDir = join(dir, randomUUID());
    try {
      mkdirSync(dir, { recursive: true, mode: 0o711 });
      mkdirSync(mountDir, { mode: 0o711 });
      await mount(mountDir, { bytes: 2 * maxBodyBytes + 4 * MIB, inodes: INODES });
    } catch (cause) {
      try {
        rmdirSync(mountDir);
      } catch {
        // There may be none.
      }
      throw unavailable(
        'Images cannot be run once per call here: each call needs a file system in memory (tmpfs), which only root may mount. ' +
          'Run this server as root.',
        cause,
      );
    }
    this.#mounted.add(mountDir);
    return mountDir;
  }

  #discard(mountDir: string): void {
    this.#mounted.delete(mountDir);
    const { unmount, logger } = this.#options;
    const unmounting = unmount(mountDir)
      .then(() => rmdirSync(mountDir))
      .catch((err: unknown) =>
        logger.error({ err }, 'a context folder could not be unmounted; the next start does it'),
      )
      .finally(() => this.#unmounting.delete(unmounting));
    this.#unmounting.add(unmounting);
  }
}

function unavailable(message: string, cause: unknown): GlambdarError {
  return new GlambdarError('DRIVER_UNAVAILABLE', message, { cause, retryAfterSeconds: 5 });
}
