/** Owns which names an archive's entries may have, alone and beside each other. Pure. */
import { GlambdarError } from '../../errors.js';
import { printable } from '../../model/printable.js';

const MAX_PATH_BYTES = 512;
const MAX_SEGMENT_BYTES = 255;

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** A name taken apart: `a/b/` is path `a/b`, a directory. */
export interface EntryName {
  path: string;
  directory: boolean;
}

/** An INVALID_BUNDLE that names the entry: `The entry "…" <what is wrong with it>.` and what to do. */
export function invalidEntry(name: string | Buffer, whatAndAdvice: string, cause?: unknown): GlambdarError {
  return new GlambdarError('INVALID_BUNDLE', `The entry ${printable(name.toString())} ${whatAndAdvice}`, {
    cause,
  });
}

/**
 * Reads a name as the archive has it, byte for byte; nothing is repaired, because a rewritten bundle is a wrong bundle.
 * Throws INVALID_BUNDLE for a name that could leave the directory, hide, or be read differently elsewhere.
 */
export function parseEntryName(raw: Buffer): EntryName {
  let name: string;
  try {
    // Also without the archive's "UTF-8" flag, which many tools leave out; what other encodings mean nobody can know.
    name = utf8.decode(raw);
  } catch (cause) {
    const advice = 'has a name that is not valid UTF-8. Rename it, or use a tool that writes UTF-8 names.';
    throw invalidEntry(raw, advice, cause);
  }
  if (name === '') throw invalidEntry(name, 'has no name. Make the archive again.');
  if (/\p{Cc}/u.test(name)) throw invalidEntry(name, 'has a control character in its name. Rename it.');
  if (name.includes('\\')) {
    throw invalidEntry(name, 'has a backslash in its name. Use a tool that separates folders by "/".');
  }
  if (name.startsWith('/') || /^[A-Za-z]:/.test(name)) {
    throw invalidEntry(name, 'has an absolute path. Archive the folder with relative paths.');
  }
  const directory = name.endsWith('/');
  const path = directory ? name.slice(0, -1) : name;
  const pathBytes = raw.length - (directory ? 1 : 0);
  if (pathBytes > MAX_PATH_BYTES) {
    throw invalidEntry(
      name,
      `has a path of ${pathBytes} bytes; ${MAX_PATH_BYTES} are allowed. Shorten its folders' names.`,
    );
  }
  for (const segment of path.split('/')) {
    if (segment === '' || segment === '.' || segment === '..') {
      throw invalidEntry(
        name,
        `has "${segment}" as a part of its path. Archive the folder with plain relative paths.`,
      );
    }
    if (Buffer.byteLength(segment) > MAX_SEGMENT_BYTES) {
      throw invalidEntry(name, `has a part of over ${MAX_SEGMENT_BYTES} bytes in its path. Shorten it.`);
    }
  }
  return { path, directory };
}

interface Taken {
  path: string;
  directory: boolean;
  /** An entry of its own, not only the parent of one. */
  listed: boolean;
}

/**
 * Throws INVALID_BUNDLE when two names cannot stand beside each other everywhere: the same twice, equal but for case or
 * Unicode normalisation, a file where another entry needs a directory; folders that are only implied count as well, also
 * towards `maxEntries`: a thousand deep paths would otherwise make a hundred thousand directories.
 */
export function checkNames(names: readonly EntryName[], maxEntries: number): void {
  const taken = new Map<string, Taken>();
  const directories = new Set<string>();

  function take(path: string, directory: boolean, listed: boolean): void {
    const key = foldName(path);
    const other = taken.get(key);
    if (other === undefined) {
      taken.set(key, { path, directory, listed });
      if (taken.size > maxEntries) throw tooManyEntries(maxEntries);
      if (directory) directories.add(path);
      return;
    }
    if (other.path !== path) {
      throw invalidEntry(
        path,
        `and ${printable(other.path)} differ only in case or accents. Rename one of them.`,
      );
    }
    if (other.directory !== directory) {
      throw invalidEntry(path, 'is a file and also a folder. Rename one of them.');
    }
    if (listed && other.listed) throw invalidEntry(path, 'is in the archive twice. Make the archive again.');
    other.listed ||= listed;
  }

  for (const { path, directory } of names) {
    take(path, directory, true);
    // Upwards, and only to the first known folder: with 20,000 entries 250 folders deep the rest would take seconds.
    for (let parent = parentOf(path); parent !== '' && !directories.has(parent); parent = parentOf(parent)) {
      take(parent, true, false);
    }
  }
}

/** An INVALID_BUNDLE that says how many entries are allowed. */
export function tooManyEntries(maxEntries: number): GlambdarError {
  const message = `The archive has too many files and folders; ${maxEntries} are allowed. Leave out what the function does not need.`;
  return new GlambdarError('INVALID_BUNDLE', message);
}

/** Upper case first: it expands `ß` and folds `ſ`, as case-insensitive file systems do. */
function foldName(path: string): string {
  return path.normalize('NFC').toUpperCase().toLowerCase().normalize('NFC');
}

function parentOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf('/')));
}
