/** Owns what of an archive is written and where: droppings ignored, one top folder stripped. Pure. */
import { GlambdarError } from '../../errors.js';
import type { ZipEntry } from './zip-directory.js';
import { invalidEntry } from './zip-names.js';

const CONFIG_FILE = 'glambdar.json';
const MAX_CONFIG_BYTES = 64 * 1024;
const MAX_CONFIG_DEPTH = 32;

export interface PlannedFile {
  /** Relative to the bundle's root. */
  path: string;
  executable: boolean;
  entry: ZipEntry;
}

export interface BundlePlan {
  /** Relative, parents before their children, also the ones that are only implied. */
  directories: string[];
  files: PlannedFile[];
  /** `glambdar.json` at the root. */
  config: PlannedFile | undefined;
}

/** Decides from validated entries. Throws INVALID_BUNDLE when no file is left, or the config file is too big. */
export function planBundle(entries: readonly ZipEntry[]): BundlePlan {
  const kept = entries.filter((entry) => !isDropping(entry));
  const prefix = topFolder(kept);
  const directories = new Set<string>();
  const files: PlannedFile[] = [];
  for (const entry of kept) {
    const path = entry.path.slice(prefix.length);
    // The top folder itself.
    if (path === '') continue;
    if (entry.directory) {
      addWithParents(directories, path);
    } else {
      addWithParents(directories, parentOf(path));
      files.push({ path, executable: (entry.mode & 0o111) !== 0, entry });
    }
  }
  if (files.length === 0) {
    throw new GlambdarError(
      'INVALID_BUNDLE',
      'The archive has no files. Put the function into it, e.g. index.js.',
    );
  }
  const config = files.find(({ path }) => path === CONFIG_FILE);
  if (config !== undefined && config.entry.size > MAX_CONFIG_BYTES) {
    throw invalidEntry(
      config.path,
      `has ${config.entry.size} bytes; ${MAX_CONFIG_BYTES} are allowed. Shorten it.`,
    );
  }
  return { directories: [...directories], files, config };
}

/** The content of `glambdar.json`: a JSON object, nested at most 32 deep; its keys are the registry's to check. Throws INVALID_BUNDLE. */
export function parseConfig(content: Buffer): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(content));
  } catch (cause) {
    throw invalidEntry(CONFIG_FILE, 'is not valid JSON. Correct it, or leave it out.', cause);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw invalidEntry(CONFIG_FILE, 'is not a JSON object. Write { } around its settings.');
  }
  if (isDeeperThan(value, MAX_CONFIG_DEPTH)) {
    // Whoever walks it later would run out of stack: 64 KiB hold 32,000 levels.
    throw invalidEntry(CONFIG_FILE, `is nested more than ${MAX_CONFIG_DEPTH} deep. Simplify it.`);
  }
  return value as Record<string, unknown>;
}

function isDropping({ path }: ZipEntry): boolean {
  return (
    path === '__MACOSX' || path.startsWith('__MACOSX/') || path === '.DS_Store' || path.endsWith('/.DS_Store')
  );
}

/** `top/` if everything lies under that one folder, else ''. A file at the root is under none. */
function topFolder(entries: readonly ZipEntry[]): string {
  const first = entries[0]?.path.split('/', 1)[0];
  if (first === undefined) return '';
  const prefix = `${first}/`;
  return entries.every(({ path, directory }) => path.startsWith(prefix) || (directory && path === first))
    ? prefix
    : '';
}

function addWithParents(directories: Set<string>, path: string): void {
  const missing: string[] = [];
  for (let next = path; next !== '' && !directories.has(next); next = parentOf(next)) missing.push(next);
  for (const next of missing.reverse()) directories.add(next);
}

function parentOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf('/')));
}

function isDeeperThan(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return levels === 0 || Object.values(value).some((child) => isDeeperThan(child, levels - 1));
}
