/**
 * Owns which functions there are right now, in memory, and the leases of those who use a version: a call reads no
 * database. Old versions are collected when more than five newer ones exist and nobody holds a lease.
 */
import { GlambdarError } from '../errors.js';
import type { FunctionCounters, FunctionRecord, VersionRecord } from '../model/records.js';

/** Versions kept of a function, the active one included. */
export const KEPT_VERSIONS = 5;

/** The right to use one version's files until released. */
export interface VersionLease {
  readonly record: FunctionRecord;
  /** Give back once; later calls do nothing. */
  release(): void;
}

interface Entry {
  record: FunctionRecord;
  counters: FunctionCounters;
}

export class Catalogue {
  #entries = new Map<string, Entry>();
  #leases = new Map<string, number>();
  #onFree = new Map<string, () => void>();

  /** Puts a function in, or replaces its record. New functions begin with the given counters, or none. */
  set(record: FunctionRecord, counters?: FunctionCounters): void {
    const known = this.#entries.get(record.name);
    const fresh = { invokeCount: 0, errorCount: 0, lastInvokedAt: null };
    this.#entries.set(record.name, { record, counters: counters ?? known?.counters ?? fresh });
  }

  delete(name: string): void {
    this.#entries.delete(name);
  }

  find(name: string): FunctionRecord | undefined {
    return this.#entries.get(name)?.record;
  }

  /** Throws FUNCTION_NOT_FOUND. */
  get(name: string): FunctionRecord {
    return this.#entry(name).record;
  }

  /** Sorted by name. */
  list(): FunctionRecord[] {
    return [...this.#entries.values()]
      .map((entry) => entry.record)
      .sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** Live counters; undefined once the function is gone. */
  counters(name: string): FunctionCounters | undefined {
    return this.#entries.get(name)?.counters;
  }

  /** Whether calls that begin now run this version. */
  isActive(version: VersionRecord): boolean {
    const active = this.find(version.name)?.active;
    return active !== undefined && (active === version || versionKey(active) === versionKey(version));
  }

  /** Leases the active version. Throws FUNCTION_NOT_FOUND. */
  lease(name: string): VersionLease {
    const { record } = this.#entry(name);
    const key = versionKey(record.active);
    this.#leases.set(key, (this.#leases.get(key) ?? 0) + 1);
    let held = true;
    return {
      record,
      release: () => {
        if (!held) return;
        held = false;
        const left = this.#leases.get(key)! - 1;
        if (left > 0) {
          this.#leases.set(key, left);
          return;
        }
        this.#leases.delete(key);
        this.#onFree.get(key)?.();
        this.#onFree.delete(key);
      },
    };
  }

  /** Calls back once nobody holds a lease on this version: at once, or when the last is released. */
  whenFree(version: VersionRecord, callback: () => void): void {
    const key = versionKey(version);
    if (this.#leases.has(key)) this.#onFree.set(key, callback);
    else callback();
  }

  #entry(name: string): Entry {
    const entry = this.#entries.get(name);
    if (!entry) throw new GlambdarError('FUNCTION_NOT_FOUND', 'Function not found!');
    return entry;
  }
}

/** Records are never changed, and every call asks for the key of one. */
const keys = new WeakMap<VersionRecord, string>();

/** Equal exactly for the same version of the same incarnation of a function: version numbers begin again after a delete. */
export function versionKey(version: VersionRecord): string {
  let key = keys.get(version);
  if (key === undefined) {
    key = `${version.name}@${version.version}#${version.createdAt}`;
    keys.set(version, key);
  }
  return key;
}
