/** Owns what is read of a bundle's `package.json`: which packages it needs, and what npm is told of them. */
import { lstatSync } from 'node:fs';
import { join } from 'node:path';
import { checkSpecifier, isPackageName, refused } from './specifiers.js';

type Ranges = Record<string, unknown>;

/** The parts of `package.json` that say which packages are needed. */
export interface PackageManifest {
  dependencies: Ranges;
  optionalDependencies: Ranges;
  peerDependencies: Ranges;
  peerDependenciesMeta: Ranges;
  overrides: Ranges;
}

const KEYS = [
  'dependencies',
  'optionalDependencies',
  'peerDependencies',
  'peerDependenciesMeta',
  'overrides',
] as const;
const MAX_DEPTH = 16;

/**
 * Reads the text of `package.json`. Undefined when it is no JSON object: then the code decides what that means, not an install.
 * Parts that are no objects count as empty.
 */
export function parseManifest(text: string): PackageManifest | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text.replace(/^\uFEFF/, ''));
  } catch {
    return undefined;
  }
  if (!isRecord(value)) return undefined;
  const parts = value;
  return Object.fromEntries(
    KEYS.map((key) => [key, isRecord(parts[key]) ? parts[key] : {}]),
  ) as unknown as PackageManifest;
}

/**
 * Packages that the code needs and that its `node_modules` does not hold. An optional package counts only when there is no
 * `node_modules` at all: one that is there may lack what its machine could not use.
 */
export function missingPackages(manifest: PackageManifest, treeDir: string): string[] {
  const { dependencies, optionalDependencies } = manifest;
  const brought = isDirectory(join(treeDir, 'node_modules'));
  const needed = new Set(
    Object.keys(dependencies).filter((name) => !Object.hasOwn(optionalDependencies, name)),
  );
  if (!brought) for (const name of Object.keys(optionalDependencies)) needed.add(name);
  // A name that cannot be a package's is never joined to a path; it is refused when the install is planned.
  return [...needed].filter(
    (name) => !isPackageName(name) || !isDirectory(join(treeDir, 'node_modules', name)),
  );
}

/** Throws INSTALL_FAILED for the first package that is to come from elsewhere than the registry. */
export function checkManifest({
  dependencies,
  optionalDependencies,
  peerDependencies,
  overrides,
}: PackageManifest): void {
  for (const ranges of [dependencies, optionalDependencies, peerDependencies])
    for (const [name, range] of Object.entries(ranges)) checkSpecifier('package.json', name, range);
  checkOverrides(overrides, 0);
}

/**
 * The text of a `package.json` for npm: nothing but the packages, keys in a fixed order. The bundle's own scripts,
 * workspaces, development packages and settings for npm have no place in it.
 */
export function manifestForNpm(manifest: PackageManifest): string {
  const parts = KEYS.map((key) => [key, sorted(manifest[key])]);
  const given = parts.filter(([, part]) => Object.keys(part!).length > 0);
  return JSON.stringify({ name: 'function', version: '1.0.0', private: true, ...Object.fromEntries(given) });
}

/** `{"a": "1", "b": {".": "2", "c@^1": "$c"}}`: a text is a version, or with `$` that of a direct dependency. */
function checkOverrides(overrides: Ranges, depth: number): void {
  if (depth > MAX_DEPTH)
    throw refused(`package.json has overrides nested more than ${MAX_DEPTH} deep. Simplify them.`);
  for (const [key, value] of Object.entries(overrides)) {
    if (isRecord(value)) checkOverrides(value, depth + 1);
    else if (typeof value !== 'string' || !value.startsWith('$'))
      checkSpecifier(
        'package.json (overrides)',
        key === '.' ? 'function' : nameOf(key),
        value === '' ? '*' : value,
      );
  }
}

function nameOf(key: string): string {
  return /^(@?[^@]+)/.exec(key)?.[1] ?? key;
}

function sorted(ranges: Ranges): Ranges {
  return Object.fromEntries(Object.entries(ranges).sort(([a], [b]) => (a < b ? -1 : 1)));
}

function isDirectory(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}

/** Whether a value of JSON is an object with keys. */
export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
