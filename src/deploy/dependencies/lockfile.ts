/**
 * Owns what is read of a bundle's lockfile, and the lockfile that npm gets: every package comes from the configured registry,
 * whatever registry the lockfile was made with.
 */
import type { GlambdarError } from '../../errors.js';
import { printable } from '../../model/printable.js';
import { isRecord } from './package-manifest.js';
import { isPackageName, refused } from './specifiers.js';

export interface Lockfile {
  /** For npm, as `package-lock.json`. */
  text: string;
  /** How many packages it names; development packages are left out. */
  packages: number;
  /** Whether every package has a strong checksum: then the same lockfile cannot mean other content to somebody else. */
  hasIntegrity: boolean;
}

/** The registry, as this server and as the container of an install reaches it. */
export interface RegistryUrls {
  url: URL;
  inContainer: URL;
}

type Entry = Record<string, unknown>;

const PATH =
  /^node_modules\/(?:@[^/@\s]+\/)?[^/@\s][^/\s]*(?:\/node_modules\/(?:@[^/@\s]+\/)?[^/@\s][^/\s]*)*$/;
const STRONG = /(?:^|\s)sha(?:256|384|512)-[A-Za-z0-9+/=]{40,}/;
const MAX_DEPTH = 64;

/**
 * Reads a lockfile of any version. Throws INSTALL_FAILED for one that cannot be read, and for a package in it that would come from
 * elsewhere than a registry.
 * @param name of the file, for sentences
 */
export function parseLockfile(text: string, name: string, registry: RegistryUrls): Lockfile {
  let value: unknown;
  try {
    value = JSON.parse(text.replace(/^\uFEFF/, ''));
  } catch (cause) {
    throw refused(`${name} is not valid JSON. Make it again with "npm install", or leave it out.`, cause);
  }
  if (!isRecord(value))
    throw refused(`${name} is not a JSON object. Make it again with "npm install", or leave it out.`);
  if (isRecord(value['packages'])) return fromPackages(value['packages'], name, registry);
  if (isRecord(value['dependencies']) || value['lockfileVersion'] === 1)
    return fromDependencies(isRecord(value['dependencies']) ? value['dependencies'] : {}, name, registry);
  throw refused(`${name} names no packages. Make it again with "npm install", or leave it out.`);
}

/** Versions 2 and 3: packages by the path of their folder; the path '' is the bundle itself. */
function fromPackages(packages: Record<string, unknown>, name: string, registry: RegistryUrls): Lockfile {
  const kept: Record<string, Entry> = {};
  const counted: Entry[] = [];
  for (const [path, entry] of Object.entries(packages)) {
    if (!isRecord(entry))
      throw refused(`${name}: the entry ${shown(path)} is no object. Make the file again.`);
    if (path === '') {
      kept[''] = rootEntry(entry);
      continue;
    }
    // Development packages are not installed, so it does not matter where they would come from.
    if (entry['dev'] === true || isDevelopmentLink(entry, packages)) continue;
    if (entry['link'] === true || !PATH.test(path) || /(^|\/)\.{1,2}(\/|$)/.test(path))
      throw refused(
        `${name}: ${shown(path)} is a folder beside the function, not a package of the registry. Publish it, or bring node_modules in the archive.`,
      );
    const { resolved, ...rest } = entry;
    const from = resolvedInRegistry(name, path, entry, resolved, registry);
    kept[path] = from === undefined ? rest : { ...rest, resolved: from };
    counted.push(entry);
  }
  return {
    text: JSON.stringify({
      name: 'function',
      version: '1.0.0',
      lockfileVersion: 3,
      requires: true,
      packages: kept,
    }),
    packages: counted.length,
    hasIntegrity: counted.every(isVerified),
  };
}

/** Whether an entry links to a folder that only development needs. npm marks the folder's entry as such, never the link's own. */
function isDevelopmentLink({ link, resolved }: Entry, packages: Record<string, unknown>): boolean {
  if (link !== true || typeof resolved !== 'string' || !Object.hasOwn(packages, resolved)) return false;
  const folder = packages[resolved];
  return isRecord(folder) && folder['dev'] === true;
}

/** Version 1, of npm 6 and older: packages by name, each with those that only it sees. npm looks the rest up in the registry. */
function fromDependencies(
  dependencies: Record<string, unknown>,
  name: string,
  registry: RegistryUrls,
): Lockfile {
  const counted: Entry[] = [];
  const cleaned = (children: Record<string, unknown>, depth: number): Record<string, Entry> => {
    if (depth > MAX_DEPTH) throw refused(`${name} is nested more than ${MAX_DEPTH} deep. Make it again.`);
    const kept: [string, Entry][] = [];
    for (const [child, entry] of Object.entries(children)) {
      if (!isRecord(entry))
        throw refused(`${name}: the entry ${shown(child)} is no object. Make the file again.`);
      if (entry['dev'] === true) continue;
      const { resolved, dependencies: own, ...rest } = entry;
      if (
        typeof entry['version'] === 'string' &&
        /[:/]/.test(entry['version'].replace(/^npm:(?:@[^/]+\/)?/, ''))
      )
        throw elsewhere(name, child, entry['version']);
      resolvedInRegistry(name, `node_modules/${child}`, entry, resolved, registry);
      counted.push(entry);
      kept.push([child, { ...rest, ...(isRecord(own) && { dependencies: cleaned(own, depth + 1) }) }]);
    }
    return Object.fromEntries(kept);
  };
  const kept = cleaned(dependencies, 0);
  return {
    text: JSON.stringify({
      name: 'function',
      version: '1.0.0',
      lockfileVersion: 1,
      requires: true,
      dependencies: kept,
    }),
    packages: counted.length,
    // npm completes such a lockfile by what the registry says today, so the file alone does not fix what is installed.
    hasIntegrity: false,
  };
}

/** What of the bundle's own entry npm compares with `package.json`. */
function rootEntry(entry: Entry): Entry {
  const keys = ['dependencies', 'optionalDependencies', 'peerDependencies', 'peerDependenciesMeta'];
  const parts = keys.filter((key) => isRecord(entry[key])).map((key) => [key, entry[key]]);
  return { name: 'function', version: '1.0.0', ...(Object.fromEntries(parts) as Entry) };
}

/**
 * Where npm in the container gets the archive of an entry; undefined when npm is to ask the registry for it. An archive at the
 * usual path of some registry has the same path in the configured one; the checksum says whether it is the same archive.
 */
function resolvedInRegistry(
  file: string,
  path: string,
  entry: Entry,
  resolved: unknown,
  { url, inContainer }: RegistryUrls,
): string | undefined {
  if (resolved === undefined || typeof resolved === 'boolean') return undefined;
  if (entry['inBundle'] === true || entry['bundled'] === true) return undefined;
  const from = typeof resolved === 'string' && URL.canParse(resolved) ? new URL(resolved) : undefined;
  if (from === undefined || !['http:', 'https:'].includes(from.protocol))
    throw elsewhere(file, path, resolved);
  if (from.origin === url.origin && from.pathname.startsWith(url.pathname))
    return new URL(from.pathname + from.search, inContainer).href;
  const name =
    typeof entry['name'] === 'string'
      ? entry['name']
      : path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length);
  const base = name.slice(name.indexOf('/') + 1);
  const archive = `${base}-${String(entry['version'])}.tgz`;
  const usual = new RegExp(`/${escaped(base)}/-/(?:(?:@|%40)[^/]+/)?${escaped(archive)}$`, 'i');
  if (!isPackageName(name) || !usual.test(from.pathname.replaceAll(/%2f/gi, '/')))
    throw elsewhere(file, path, resolved);
  return new URL(`${inContainer.pathname}${name}/-/${archive}`, inContainer).href;
}

/**
 * A package that comes inside the archive of another one has no checksum of its own, and counts as one without: whether it is
 * in that archive nobody knows before npm has looked, and npm fetches what is not there without comparing anything.
 */
function isVerified(entry: Entry): boolean {
  return typeof entry['integrity'] === 'string' && STRONG.test(entry['integrity']);
}

function elsewhere(file: string, path: string, from: unknown): GlambdarError {
  return refused(
    `${file}: ${shown(path)} comes from ${shown(String(from))}, which is no package of a registry. Use a version of the registry, or bring node_modules in the archive.`,
  );
}

function escaped(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}

function shown(text: string): string {
  return printable(text.slice(0, 200));
}
