/**
 * Owns room on the disk that is reserved for the time when the disk is full. Two ballasts hold it, each for one purpose:
 * one for deletes (SQLite cannot even delete on a full disk), one for calls (an instance needs a slot and a tree of its
 * function's code). When calls have used up their ballast, further calls are refused; deletes still work.
 */
import { statfsSync } from 'node:fs';
import { join } from 'node:path';
import { GlambdarError } from '../errors.js';
import { Ballast } from './ballast.js';

const MIB = 1024 * 1024;

export interface DiskReserveOptions {
  /** Size of the ballast for deletes, default 16 MiB. */
  ballastBytes?: number;
  /** Size of the ballast for calls, default a quarter of the ballast for deletes. */
  callBallastBytes?: number;
  /** Bytes that `assertSpace` leaves free for records, logs and the databases' own work; default 8 MiB. */
  floorBytes?: number;
  /** Inodes that `assertSpace` leaves free, default 64. */
  floorInodes?: number;
}

export class DiskReserve {
  readonly #dir: string;
  readonly #forDeletes: Ballast;
  readonly #forCalls: Ballast;
  readonly #floorBytes: number;
  readonly #floorInodes: number;

  /** Makes the ballasts if there is room for them; a full disk is no reason to fail. */
  constructor(
    dir: string,
    {
      ballastBytes = 16 * MIB,
      callBallastBytes = Math.ceil(ballastBytes / 4),
      floorBytes = 8 * MIB,
      floorInodes = 64,
    }: DiskReserveOptions = {},
  ) {
    this.#dir = dir;
    this.#forDeletes = new Ballast(join(dir, 'reserve.bin'), ballastBytes);
    this.#forCalls = new Ballast(join(dir, 'reserve-calls.bin'), callBallastBytes);
    this.#floorBytes = floorBytes;
    this.#floorInodes = floorInodes;
    this.restore();
  }

  /** True while the room for deletes is in place. */
  get held(): boolean {
    return this.#forDeletes.held;
  }

  /**
   * Gives up the room for deletes. Only for a delete, or for the few bytes that a start writes.
   * True when there was any room: the operation that failed on the full disk is worth another try.
   */
  release(): boolean {
    return this.#forDeletes.release();
  }

  /**
   * Runs `work` for a call; when the disk is full, gives up the room for calls and runs `work` again. `work` must leave
   * nothing behind when it fails. Throws DISK_FULL when the room is not enough; other errors pass unchanged.
   */
  async withRoom<T>(work: () => T | Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      if (!isFull(error)) throw error;
    }
    this.#forCalls.release(); // if another call has released it a moment ago, there may be room, too
    try {
      return await work();
    } catch (error) {
      if (!isFull(error)) throw error;
      throw new GlambdarError('DISK_FULL', "The server's disk is full; make room, then try again.", {
        cause: error,
      });
    }
  }

  /** Makes the missing ballasts, that for deletes first, if room for the floor is left. True when both are in place. */
  restore(): boolean {
    return [this.#forDeletes, this.#forCalls].every(
      (ballast) => ballast.held || (this.#freeBytes() >= ballast.bytes + this.#floorBytes && ballast.make()),
    );
  }

  /**
   * Throws DISK_FULL when fewer bytes or inodes are free than needed plus the floor. Called before a deploy is staged.
   * @param inodes number of files and directories that will be made
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
}

function isFull(error: unknown): boolean {
  return ['ENOSPC', 'EDQUOT'].includes((error as NodeJS.ErrnoException | null)?.code ?? '');
}

function mib(bytes: number): string {
  return `${(bytes / MIB).toFixed(1)} MiB`;
}
