/**
 * Owns `functions/<name>/<version>.json`, the copy of a version's record that stands next to its directory: what a lost or
 * damaged `glambdar.db` is rebuilt from. The registry writes it before a publish and after a change of settings.
 */
import { closeSync, constants, fstatSync, lstatSync, openSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { FunctionRecord, FunctionSettings, VersionRecord } from '../model/records.js';

/** Content of a sidecar. */
export interface Sidecar {
  version: VersionRecord;
  settings: FunctionSettings;
  /** Of the function. It also tells its counters from those of an earlier function of the same name. */
  createdAt: number;
  updatedAt: number;
}

const MAX_BYTES = 4 * 1024 * 1024;

/** Where the sidecar of a version stands. */
export function sidecarPath(functionsDir: string, name: string, version: number): string {
  return join(functionsDir, name, `${version}.json`);
}

/**
 * The functions that can be rebuilt: of each name the highest version that has its directory and a valid sidecar.
 * `lost` names what looks like a function but has no such version.
 */
export function readSidecars(functionsDir: string): { found: FunctionRecord[]; lost: string[] } {
  const found: FunctionRecord[] = [];
  const lost: string[] = [];
  for (const name of directoriesIn(functionsDir).sort()) {
    const versions = directoriesIn(join(functionsDir, name))
      .filter((entry) => /^[1-9][0-9]{0,14}$/.test(entry))
      .map(Number)
      .sort((a, b) => b - a);
    if (versions.length === 0) continue;
    const record = firstDefined(versions, (version) => readSidecar(functionsDir, name, version));
    if (record === undefined) lost.push(name);
    else found.push(record);
  }
  return { found, lost };
}

function firstDefined<T, R>(values: T[], map: (value: T) => R | undefined): R | undefined {
  for (const value of values) {
    const result = map(value);
    if (result !== undefined) return result;
  }
  return undefined;
}

/** Real directories only: a symlink could lead anywhere. */
function directoriesIn(directory: string): string[] {
  try {
    return readdirSync(directory, { withFileTypes: true })
      .filter((entry) => entry.isDirectory() && !entry.name.startsWith('.'))
      .map((entry) => entry.name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

function readSidecar(functionsDir: string, name: string, version: number): FunctionRecord | undefined {
  let value: unknown;
  try {
    value = JSON.parse(readRegular(sidecarPath(functionsDir, name, version)));
  } catch {
    return undefined;
  }
  if (!isSidecar(value) || value.version.name !== name || value.version.version !== version) return undefined;
  const { digest, sizeBytes, createdAt } = value.version;
  return {
    name,
    createdAt: value.createdAt,
    updatedAt: value.updatedAt,
    active: { name, version, digest, sizeBytes, createdAt },
    settings: value.settings,
  };
}

function readRegular(file: string): string {
  if (!lstatSync(file).isFile()) throw new Error('not a file');
  const descriptor = openSync(file, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    const stat = fstatSync(descriptor);
    if (!stat.isFile() || stat.size > MAX_BYTES) throw new Error('not a small file');
    return readFileSync(descriptor, 'utf8');
  } finally {
    closeSync(descriptor);
  }
}

function isSidecar(value: unknown): value is Sidecar {
  if (!isObject(value) || !isObject(value.version) || !isObject(value.settings)) return false;
  const { digest, sizeBytes, createdAt } = value.version;
  return (
    typeof digest === 'string' &&
    digest !== '' &&
    [sizeBytes, createdAt, value.createdAt, value.updatedAt].every(isWhole)
  );
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isWhole(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
