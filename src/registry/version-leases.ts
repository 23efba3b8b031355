/** Owns the leases on versions: the files of a version stay on disk until its last lease has been given back. */
import { versionKey, type FunctionRecord, type VersionRecord } from '../model/function/function.js';

/** The right to use one version's files until released. */
export interface VersionLease {
  /** The function as it was when the lease was taken; its active version is the leased one. */
  readonly record: FunctionRecord;
  /** Gives the lease back once; later calls do nothing. */
  release(): void;
}

export class VersionLeases {
  /** Number of leases held, by `versionKey`. */
  readonly #held = new Map<string, number>();
  readonly #onFree = new Map<string, () => void>();

  /** Leases the active version of a function. */
  take(record: FunctionRecord): VersionLease {
    const key = versionKey(record.active);
    this.#held.set(key, (this.#held.get(key) ?? 0) + 1);
    let held = true;
    return {
      record,
      release: () => {
        if (!held) return;
        held = false;
        this.#release(key);
      },
    };
  }

  /** Calls back once nobody holds a lease on this version: at once, or when the last lease is released. */
  whenFree(version: VersionRecord, callback: () => void): void {
    const key = versionKey(version);
    if (this.#held.has(key)) this.#onFree.set(key, callback);
    else callback();
  }

  #release(key: string): void {
    const left = this.#held.get(key)! - 1;
    if (left > 0) {
      this.#held.set(key, left);
      return;
    }
    this.#held.delete(key);
    this.#onFree.get(key)?.();
    this.#onFree.delete(key);
  }
}
