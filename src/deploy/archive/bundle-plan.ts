/**
 * Owns deciding which entries of an archive are written, and where: macOS's extra files, links and files of the packaging left
 * out, one top folder stripped. Pure.
 */
import { parentOf } from './entry-names.js';
import { isLink } from './entry-rules.js';
import { invalidArchive } from './refusals.js';
import type { SourceEntry } from './source-files.js';

/** A file that will be written. */
export interface PlannedFile {
  /** Path relative to the bundle's root. */
  path: string;
  executable: boolean;
  /** The entry with the content. */
  entry: SourceEntry;
}

export interface BundlePlan {
  /** Paths relative to the bundle's root, parents before their children, folders that are only implied by a path included. */
  directories: string[];
  /** The files, at least one. */
  files: PlannedFile[];
  /**
   * The folder that was stripped, e.g. `app`, so that a path into the archive, `app/index.js`, can be told from one into the
   * bundle. Null when none was stripped, or when the bundle has a file or folder of that name itself.
   */
  strippedFolder: string | null;
}

/**
 * @param entries entries that `checkEntries` has passed
 * @param leftOut names of files at the root that do not belong to the function
 * Throws INVALID_BUNDLE when no file is left.
 */
export function planBundle(entries: readonly SourceEntry[], leftOut: readonly string[] = []): BundlePlan {
  const isDropping = droppingsOf(entries);
  const kept = entries.filter(
    (entry) =>
      entry.path !== '' && !isLink(entry) && !isDropping(entry.path) && !leftOut.includes(entry.path),
  );
  const prefix = topFolder(kept);
  const directories = new Set<string>();
  const files: PlannedFile[] = [];
  for (const entry of kept) {
    const path = entry.path.slice(prefix.length);
    // The entry of the top folder has no path of its own.
    if (path === '' || leftOut.includes(path)) continue;
    if (entry.directory) {
      addWithParents(directories, path);
    } else {
      addWithParents(directories, parentOf(path));
      files.push({ path, executable: (entry.mode & 0o111) !== 0, entry });
    }
  }
  if (files.length === 0) {
    throw invalidArchive('The archive has no files. Put the function into it, e.g. index.js.');
  }
  const folder = prefix.slice(0, -1);
  const isAmbiguous = directories.has(folder) || files.some(({ path }) => path === folder);
  return {
    directories: [...directories],
    files,
    strippedFolder: folder === '' || isAmbiguous ? null : folder,
  };
}

/**
 * Whether a path is one of the files that macOS adds to archives: `__MACOSX/…` and `.DS_Store` in any folder, and `._name`
 * beside `name`, in which its tar keeps what other systems cannot store of `name`.
 */
function droppingsOf(entries: readonly SourceEntry[]): (path: string) => boolean {
  const companions = entries.filter(({ path, directory }) => !directory && /(?:^|\/)\._[^/]+$/.test(path));
  const paths = new Set<string>(['.']);
  if (companions.length > 0) for (const { path } of entries) addWithParents(paths, path);
  const beside = new Set(
    companions.map(({ path }) => path).filter((path) => paths.has(path.replace(/\._([^/]+)$/, '$1'))),
  );
  return (path) => /(?:^|\/)(?:__MACOSX(?:\/|$)|\.DS_Store$)/.test(path) || beside.has(path);
}

/** `top/` when all entries lie under one top folder, else ''. */
function topFolder(entries: readonly SourceEntry[]): string {
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
