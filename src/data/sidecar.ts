/**
 * Owns the sidecar of a version, `<version>.json` beside its code: a copy of the store's record, from which a lost or
 * damaged `glambdar.db` is rebuilt. The registry writes it before a publish and after a change of settings.
 */
import { closeSync, constants, fstatSync, lstatSync, openSync, readFileSync } from 'node:fs';
import type { FunctionRecord, VersionRecord } from '../model/function/function.js';
import { functionIdOfEarlierRelease, isFunctionId } from '../model/function/id.js';
import { compareRefs, DEFAULT_NAMESPACE, type FunctionRef } from '../model/function/ref.js';
import type { RestoredFunctions } from '../model/function/restored-functions.js';
import { haveSettingTypes, type FunctionSettings } from '../model/function/settings.js';
import { NODE_BUNDLE, type Source } from '../model/function/source.js';
import { listFunctionDirs, listVersionsOnDisk, sidecarPath } from './function-layout.js';

/** Content of a sidecar. Times are epoch milliseconds. */
interface Sidecar {
  functionId: string;
  namespace: string;
  name: string;
  /** When the function was created. */
  createdAt: number;
  updatedAt: number;
  version: Omit<VersionRecord, 'functionId'>;
  settings: FunctionSettings;
}

/** The sidecar of a release without ids: no `functionId`, `namespace` and `version.source`, and the name in `version`. */
interface EarlierSidecar {
  functionId?: undefined;
  createdAt: number;
  updatedAt: number;
  version: Omit<Sidecar['version'], 'source'> & { name: string };
  settings: FunctionSettings;
}

const MAX_BYTES = 4 * 1024 * 1024;

/** The text of the sidecar of a record's active version. */
export function sidecarText({ id, ref, createdAt, updatedAt, active, settings }: FunctionRecord): string {
  const { version, digest, sizeBytes, createdAt: versionCreatedAt, source } = active;
  const sidecar: Sidecar = {
    functionId: id,
    namespace: ref.namespace,
    name: ref.name,
    createdAt,
    updatedAt,
    version: { version, digest, sizeBytes, createdAt: versionCreatedAt, source },
    settings,
  };
  return JSON.stringify(sidecar);
}

/**
 * The function as it was when this version was its active one. Undefined when the sidecar is missing or cannot be read.
 * `isEarlier`: a release without ids wrote the sidecar.
 */
export function readSidecar(
  functionsDir: string,
  ref: FunctionRef,
  version: number,
): { record: FunctionRecord; isEarlier: boolean } | undefined {
  let value: unknown;
  try {
    value = JSON.parse(readRegular(sidecarPath(functionsDir, ref, version)));
  } catch {
    return undefined;
  }
  if (!isSidecar(value) || value.version.version !== version) return undefined;
  const isEarlier = value.functionId === undefined;
  const sidecar = value.functionId === undefined ? brought(value) : value;
  const { functionId: id, namespace, name, settings, createdAt, updatedAt } = sidecar;
  if (!isFunctionId(id) || compareRefs({ namespace, name }, ref) !== 0) return undefined;
  const active = { ...sidecar.version, functionId: id };
  return { isEarlier, record: { id, ref, createdAt, updatedAt, active, settings } };
}

/** An earlier release's sidecar in today's form. */
function brought({ version: { name, ...version }, settings, createdAt, updatedAt }: EarlierSidecar): Sidecar {
  return {
    functionId: functionIdOfEarlierRelease(name, createdAt),
    namespace: DEFAULT_NAMESPACE,
    name,
    createdAt,
    updatedAt,
    version: { ...version, source: NODE_BUNDLE },
    settings,
  };
}

/**
 * The functions that can be rebuilt from disk. The sidecar that was updated last among those of the newest version's life
 * describes a function: that of the newest version, or of the one that the function went back to. When the newest version's
 * sidecar is not valid, the function is `lost`: nobody asked for an older version to serve with old code and settings.
 */
export function readRestored(functionsDir: string): RestoredFunctions {
  const restored: RestoredFunctions = { functions: [], lost: [] };
  for (const ref of listFunctionDirs(functionsDir).sort(compareRefs)) {
    const { coded } = listVersionsOnDisk(functionsDir, ref);
    if (coded.length === 0) continue;
    const [newest, ...older] = coded.map((version) => readSidecar(functionsDir, ref, version)?.record);
    if (newest === undefined) {
      restored.lost.push(ref);
      continue;
    }
    const life = [newest, ...older].filter((record) => record?.id === newest.id) as FunctionRecord[];
    const record = life.reduce((latest, other) => (other.updatedAt > latest.updatedAt ? other : latest));
    restored.functions.push({ record, versions: life.map(({ active }) => active) });
  }
  return restored;
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

function isSidecar(value: unknown): value is Sidecar | EarlierSidecar {
  if (!isObject(value) || !isObject(value['version']) || !isObject(value['settings'])) return false;
  if (!haveSettingTypes(value['settings'])) return false;
  const { digest, sizeBytes, createdAt, source } = value['version'];
  return (
    typeof digest === 'string' &&
    digest !== '' &&
    (value['functionId'] === undefined || isSource(source)) &&
    [sizeBytes, createdAt, value['createdAt'], value['updatedAt']].every(isWhole)
  );
}

function isSource(value: unknown): value is Source {
  if (!isObject(value)) return false;
  const { type, runtime, folder, image, digest, ports } = value;
  if (type === 'bundle')
    return typeof runtime === 'string' && (folder === undefined || typeof folder === 'string');
  const isTextOrNull = (field: unknown): boolean => typeof field === 'string' || field === null;
  return (
    type === 'image' &&
    isTextOrNull(image) &&
    isTextOrNull(digest) &&
    Array.isArray(ports) &&
    ports.every(isWhole)
  );
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isWhole(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
