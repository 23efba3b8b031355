/** Owns deciding which entries of an archive are written, and where: macOS's extra files left out, one top folder stripped. Pure. */
import { parentOf } from './entry-names.js';
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
}

/** @param entries entries that `checkEntries` has passed. Throws INVALID_BUNDLE when no file is left. */
export function planBundle(entries: readonly SourceEntry[]): BundlePlan {
  const kept = entries.filter((entry) => !isDropping(entry));
  const prefix = topFolder(kept);
  const directories = new Set<string>();
  const files: PlannedFile[] = [];
  for (const entry of kept) {
    const path = entry.path.slice(prefix.length);
    // Only the entry of the top folder has no path of its own.
    if (path === '') continue;
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
  return { directories: [...directories], files };
}

/** Whether an entry is one of the files that macOS adds to archives. */
function isDropping({ path }: SourceEntry): boolean {
  return (
    path === '__MACOSX' || path.startsWith('__MACOSX/') || path === '.DS_Store' || path.endsWith('/.DS_Store')
  );
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
