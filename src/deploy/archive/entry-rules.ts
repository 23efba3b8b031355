/** Owns which entries an archive may have, whatever its format: kinds, sizes, names. Pure. */
import { checkNames, type EntryName } from './entry-names.js';
import { invalidEntry, tooManyEntries, unpackedTooLarge } from './refusals.js';
import type { SourceEntry, SourceLimits } from './source-files.js';

const TYPE = 0o170000;
const REGULAR = 0o100000;
const DIRECTORY = 0o040000;
const SYMBOLIC_LINK = 0o120000;
const SETUID = 0o4000;
/** Setuid, setgid and sticky bit. */
const SPECIAL_BITS = 0o7000;
const COMMAND_LINK = /(?:^|\/)node_modules\/\.bin\/[^/]+$/;

/**
 * Checks all entries of an archive, before any of them is written; entries that will be ignored are checked as well.
 * Throws INVALID_BUNDLE, BUNDLE_TOO_LARGE.
 */
export function checkEntries(entries: readonly SourceEntry[], limits: SourceLimits): void {
  if (entries.length > limits.maxEntries) throw tooManyEntries(limits.maxEntries);
  let unpackedBytes = 0;
  for (const entry of entries) {
    checkKind(entry);
    unpackedBytes += entry.size;
    if (unpackedBytes > limits.maxUnpackedBytes) throw unpackedTooLarge(limits.maxUnpackedBytes);
  }
  checkNames(entries, limits.maxEntries);
}

/**
 * Whether a link with this name may be in an archive, and is left out: npm makes one for each command of a package. No
 * function needs it, since there is no shell.
 */
export function isCommandLink({ path, directory }: EntryName): boolean {
  return COMMAND_LINK.test(path) && !directory;
}

/** Whether an entry that `checkEntries` has passed is a link, which is left out of the bundle. */
export function isLink({ mode }: SourceEntry): boolean {
  return (mode & TYPE) === SYMBOLIC_LINK;
}

function checkKind(entry: SourceEntry): void {
  const { name, path, directory, mode, size } = entry;
  const type = mode & TYPE;
  // Folders of shared volumes have the setgid or the sticky bit; a bundle's folders are made without.
  if ((mode & (directory ? SETUID : SPECIAL_BITS)) !== 0) {
    throw invalidEntry(name, 'has a setuid, setgid or sticky bit. Remove it (chmod u-s,g-s,-t).');
  }
  if (type === SYMBOLIC_LINK) {
    if (isCommandLink(entry)) return;
    throw invalidEntry(name, linkAdvice(path));
  }
  if (type !== 0 && type !== REGULAR && type !== DIRECTORY) {
    throw invalidEntry(name, 'is a device, pipe or socket. Leave it out.');
  }
  if (type !== 0 && (type === DIRECTORY) !== directory) {
    throw invalidEntry(name, 'is a folder by its mode or its name, but not by both. Make the archive again.');
  }
  if (directory && size > 0) {
    throw invalidEntry(name, 'is a folder with content. Make the archive again.');
  }
}

function linkAdvice(path: string): string {
  if (/(?:^|\/)node_modules\//.test(path)) {
    return (
      'is a symbolic link to a package or its files. Install copies instead of links ' +
      '(npm install --install-links, or node-linker=hoisted for pnpm).'
    );
  }
  return 'is a symbolic link. Archive the file it points to (zip without "-y", tar with "-h --hard-dereference").';
}
