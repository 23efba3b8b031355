/** Owns the shapes of a deployed function: its record, its versions, its counters. Times are epoch milliseconds. */
import type { FunctionId } from './id.js';
import type { FunctionRef } from './ref.js';
import type { FunctionSettings } from './settings.js';
import type { Source } from './source.js';

/** One immutable version of a function: code, and the settings that shape its container. */
export interface VersionRecord {
  functionId: FunctionId;
  /** Number of the version, from 1 on. Within one life of a function no two published versions have the same number. */
  version: number;
  /** `sha256:` + hex over the sorted manifest of the extracted tree. */
  digest: string;
  sizeBytes: number;
  createdAt: number;
  source: Source;
}

/** A deployed function: its active version and current settings. A record is never changed in place. */
export interface FunctionRecord {
  id: FunctionId;
  ref: FunctionRef;
  createdAt: number;
  updatedAt: number;
  active: VersionRecord;
  settings: FunctionSettings;
}

/** Counters of a function, kept apart from its record because they change with every call. */
export interface FunctionCounters {
  invokeCount: number;
  errorCount: number;
  lastInvokedAt: number | null;
}

/** Keys that were made: every call asks for the key of its version. */
const keys = new WeakMap<VersionRecord, string>();

/** A key that is equal exactly for the same version of the same life of a function. */
export function versionKey(version: VersionRecord): string {
  let key = keys.get(version);
  if (key === undefined) {
    key = `${version.functionId}@${version.version}`;
    keys.set(version, key);
  }
  return key;
}
