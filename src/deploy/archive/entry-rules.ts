/** Owns which entries an archive may have, whatever its format: kinds, sizes, names. Pure. */
import { checkNames } from './entry-names.js';
import { invalidEntry, tooManyEntries, unpackedTooLarge } from './refusals.js';
import type { SourceEntry, SourceLimits } from './source-files.js';

const TYPE = 0o170000;
const REGULAR = 0o100000;
const DIRECTORY = 0o040000;
const SYMBOLIC_LINK = 0o120000;
const SPECIAL_BITS = 0o7000;

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

function checkKind({ name, directory, mode, size }: SourceEntry): void {
  const type = mode & TYPE;
  if (type === SYMBOLIC_LINK) {
    throw invalidEntry(name, 'is a symbolic link. Archive the file it points to (without "zip -y").');
  }
  if (type !== 0 && type !== REGULAR && type !== DIRECTORY) {
    throw invalidEntry(name, 'is a device, pipe or socket. Leave it out.');
  }
  if (type !== 0 && (type === DIRECTORY) !== directory) {
    throw invalidEntry(name, 'is a folder by its mode or its name, but not by both. Make the archive again.');
  }
  if ((mode & SPECIAL_BITS) !== 0) {
    throw invalidEntry(name, 'has a setuid, setgid or sticky bit. Remove it (chmod u-s,g-s,-t).');
  }
  if (directory && size > 0) {
    throw invalidEntry(name, 'is a folder with content. Make the archive again.');
  }
}
