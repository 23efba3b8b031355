/**
 * Owns room on the disk that is kept for the moment when there is none left: SQLite cannot even delete on a full disk.
 * A ballast file holds it; giving it up makes a delete possible, and it is made again when there is room.
 */
import { randomFillSync } from 'node:crypto';
import { closeSync, fsyncSync, openSync, rmSync, statfsSync, statSync, writeSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { GlambdarError } from '../errors.js';

const MIB = 1024 * 1024;

export interface DiskReserveOptions {
  /** Size of the ballast file, default 16 MiB. */
  ballastBytes?: number;
  /** What `assertSpace` leaves free beyond what is asked for, for records, logs and the databases' own work; default 8 MiB. */
  floorBytes?: number;
  /** Inodes it leaves free, default 64. */
  floorInodes?: number;
}

export class DiskReserve {
  readonly #dir: string;
  readonly #file: string;
  readonly #ballastBytes: number;
  readonly #floorBytes: number;
  readonly #floorInodes: number;

  /** Makes the ballast if there is room for it; a full disk is no reason to fail. */
  constructor(
    dir: string,
    { ballastBytes = 16 * MIB, floorBytes = 8 * MIB, floorInodes = 64 }: DiskReserveOptions = {},
  ) {
    this.#dir = dir;
    this.#file = join(dir, 'reserve.bin');
    this.#ballastBytes = ballastBytes;
    this.#floorBytes = floorBytes;
    this.#floorInodes = floorInodes;
    this.restore();
  }

  /** True while the ballast is in place. */
  get held(): boolean {
    const stat = statSync(this.#file, { throwIfNoEntry: false });
    // A file with holes (restored by a copying tool) reserves nothing.
    return stat !== undefined && stat.size >= this.#ballastBytes && stat.blocks * 512 >= this.#ballastBytes;
  }

  /** Gives the ballast up. True when there was any: what failed on a full disk is worth another try. */
  release(): boolean {
    if (statSync(this.#file, { throwIfNoEntry: false }) === undefined) return false;
    try {
      rmSync(this.#file);
      syncDirectory(dirname(this.#file)); // ext4 hands freed blocks out only once its journal has committed
      return true;
    } catch {
      return false;
    }
  }

  /**
   * Runs `work`; when the disk has no room for it, gives the ballast up and runs it again. `work` must leave nothing behind
   * when it fails. Throws DISK_FULL when that is not enough; other errors stay what they are.
   */
  async withRoom<T>(work: () => T | Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      if (!isFull(error)) throw error;
    }
    this.release(); // somebody else may have done so a moment ago: there may be room either way
    try {
      return await work();
    } catch (error) {
      if (!isFull(error)) throw error;
      throw new GlambdarError('DISK_FULL', "The server's disk is full; make room, then try again.", {
        cause: error,
      });
    }
  }

  /** Makes the ballast again if it is gone and there is room for it and the floor. True when it is in place afterwards. */
  restore(): boolean {
    if (this.held) return true;
    if (this.#freeBytes() < this.#ballastBytes + this.#floorBytes) return false;
    try {
      this.#fill();
      return true;
    } catch {
      rmSync(this.#file, { force: true });
      return false;
    }
  }

  /**
   * Throws DISK_FULL when fewer bytes or inodes are free than asked for plus the floor. Called before a deploy is staged.
   * @param inodes files and directories that will be made
   */
  assertSpace(bytes: number, inodes = 0): void {
    this.restore();
    const { files, ffree } = statfsSync(this.#dir);
    const free = this.#freeBytes();
    if (free < bytes + this.#floorBytes) {
      throw new GlambdarError(
        'DISK_FULL',
        `The server's disk is full: this needs ${mib(bytes)} and ${mib(Math.max(0, free - this.#floorBytes))} are free; ` +
          'delete functions or make room, then try again.',
      );
    }
    // Some file systems (btrfs) have no fixed number of inodes and report 0.
    if (files > 0 && ffree < inodes + this.#floorInodes) {
      throw new GlambdarError(
        'DISK_FULL',
        `The server's disk cannot take ${inodes} more files: ${Math.max(0, ffree - this.#floorInodes)} are possible; ` +
          'delete functions or make room, then try again.',
      );
    }
  }

  #freeBytes(): number {
    const { bavail, bsize } = statfsSync(this.#dir);
    return bavail * bsize;
  }

  /** Random bytes: zeros take no room on file systems that compress. Synced: until then nothing is allocated. */
  #fill(): void {
    const descriptor = openSync(this.#file, 'w', 0o600);
    try {
      const chunk = Buffer.alloc(Math.min(MIB, this.#ballastBytes));
      for (let written = 0; written < this.#ballastBytes;) {
        randomFillSync(chunk);
        written += writeSync(descriptor, chunk, 0, Math.min(chunk.length, this.#ballastBytes - written));
      }
      fsyncSync(descriptor);
    } finally {
      closeSync(descriptor);
    }
  }
}

/** Makes the entries of a directory durable: names given to new or renamed files, and names taken away. */
export function syncDirectory(directory: string): void {
  const descriptor = openSync(directory, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

function isFull(error: unknown): boolean {
  return ['ENOSPC', 'EDQUOT'].includes((error as NodeJS.ErrnoException | null)?.code ?? '');
}

function mib(bytes: number): string {
  return `${(bytes / MIB).toFixed(1)} MiB`;
}
