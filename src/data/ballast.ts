/**
 * Owns one ballast file: it takes room on the disk, to be given up when the disk is full, and is made again when there is
 * room.
 */
import { randomFillSync } from 'node:crypto';
import { closeSync, fsyncSync, openSync, rmSync, statSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { syncDirectory } from './sync-directory.js';

const CHUNK_BYTES = 1024 * 1024;

export class Ballast {
  readonly bytes: number;
  readonly #file: string;

  constructor(file: string, bytes: number) {
    this.#file = file;
    this.bytes = bytes;
  }

  /** True while the ballast is in place. */
  get held(): boolean {
    const stat = statSync(this.#file, { throwIfNoEntry: false });
    // A file with holes (restored by a copying tool) reserves nothing.
    return stat !== undefined && stat.size >= this.bytes && stat.blocks * 512 >= this.bytes;
  }

  /** Removes the ballast. True when there was any. */
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

  /** Makes the file, whole or not at all. True when the file is in place afterwards. */
  make(): boolean {
    try {
      this.#fill();
      return true;
    } catch {
      rmSync(this.#file, { force: true });
      return false;
    }
  }

  /** Random bytes, because zeros take no room on file systems that compress; synced, because room is allocated only then. */
  #fill(): void {
    const descriptor = openSync(this.#file, 'w', 0o600);
    try {
      const chunk = Buffer.alloc(Math.min(CHUNK_BYTES, this.bytes));
      for (let written = 0; written < this.bytes;) {
        randomFillSync(chunk);
        written += writeSync(descriptor, chunk, 0, Math.min(chunk.length, this.bytes - written));
      }
      fsyncSync(descriptor);
    } finally {
      closeSync(descriptor);
    }
  }
}
