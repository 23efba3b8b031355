/** Owns which names the entries of an archive may have, alone and beside each other, whatever the archive's format. Pure. */
import { printable } from '../../model/printable.js';
import { invalidEntry, tooManyEntries } from './refusals.js';

const MAX_PATH_BYTES = 512;
const MAX_SEGMENT_BYTES = 255;

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** The name of an entry, read but not checked: see `checkNames`. */
export interface EntryName {
  /** The name as the archive has it, e.g. `./a/b/`. */
  name: string;
  /**
   * The name without any `./` at its beginning and without the slash that ends a folder's name, e.g. `a/b`. Empty for the
   * entry of the archive's root folder (`./`), and for an entry without a name.
   */
  path: string;
  directory: boolean;
}

/**
 * Reads the name of an entry byte for byte. Apart from `./` at its beginning, which tar and bsdtar write when they pack `.`
 * and which says nothing, a name is never repaired: a bundle with other names is another bundle.
 * Throws INVALID_BUNDLE for a name that is not UTF-8.
 * @param isFolder whether the archive says by other means than the slash at the end of the name that the entry is a folder
 */
export function readEntryName(raw: Buffer, isFolder = false): EntryName {
  let name: string;
  try {
    // UTF-8 even where a zip does not claim it, which many tools forget: which other encoding was meant is unknown.
    name = utf8.decode(raw);
  } catch (cause) {
    const advice = 'has a name that is not valid UTF-8. Rename it, or use a tool that writes UTF-8 names.';
    throw invalidEntry(raw, advice, cause);
  }
  const plain = name.replace(/^(?:\.\/)+/, '');
  const isRoot = name !== '' && (plain === '' || (plain === '.' && isFolder));
  if (isRoot) return { name, directory: true, path: '' };
  const path = plain.length > 1 && plain.endsWith('/') ? plain.slice(0, -1) : plain;
  return { name, directory: isFolder || plain.endsWith('/'), path };
}

/**
 * Throws INVALID_BUNDLE for a name that could leave the directory, be invisible, or be read differently by other programs,
 * and for names that cannot exist beside each other on every file system.
 */
export function checkNames(names: readonly EntryName[], maxEntries: number): void {
  for (const name of names) checkName(name);
  checkNeighbours(names, maxEntries);
}

function checkName({ name, path }: EntryName): void {
  if (name === '') throw invalidEntry(name, 'has no name. Make the archive again.');
  if (/\p{Cc}/u.test(name)) throw invalidEntry(name, 'has a control character in its name. Rename it.');
  if (name.includes('\\')) {
    throw invalidEntry(
      name,
      'has a backslash in its name. Some Windows tools separate folders by it (Compress-Archive before PowerShell 7, ' +
        'ZipFile before .NET 4.6.1); use one that writes "/", such as the Explorer, 7-Zip or "tar -a -c -f".',
    );
  }
  if (path.startsWith('/') || /^[A-Za-z]:/.test(path)) {
    throw invalidEntry(name, 'has an absolute path. Archive the folder with relative paths.');
  }
  const pathBytes = Buffer.byteLength(path);
  if (pathBytes > MAX_PATH_BYTES) {
    throw invalidEntry(
      name,
      `has a path of ${pathBytes} bytes; ${MAX_PATH_BYTES} are allowed. Shorten its folders' names.`,
    );
  }
  // The root folder: all other entries lie in it.
  if (path === '') return;
  // With regular expressions: splitting 20,000 paths of 240 folders takes several times as long.
  const dots = /(?:^|\/)(\.{0,2})(?:\/|$)/.exec(path);
  if (dots) {
    throw invalidEntry(
      name,
      `has "${dots[1]}" as a part of its path. Archive the folder with plain relative paths.`,
    );
  }
  // A part of fewer than 86 UTF-16 units has at most 255 bytes.
  for (const [segment] of path.matchAll(/[^/]{86,}/g)) {
    if (Buffer.byteLength(segment) > MAX_SEGMENT_BYTES) {
      throw invalidEntry(name, `has a part of over ${MAX_SEGMENT_BYTES} bytes in its path. Shorten it.`);
    }
  }
}

/** A file or folder that the archive will make. */
interface Taken {
  path: string;
  directory: boolean;
  /** Whether the archive has an entry for it; otherwise another entry's path implies the folder. */
  listed: boolean;
}

/**
 * Throws INVALID_BUNDLE when two names cannot exist beside each other on every file system: the same name twice, names that
 * differ only in case or Unicode normalisation, a file where another entry needs a folder. Folders that are only implied by
 * a path count, too, also towards `maxEntries`: a thousand deep paths could otherwise make a hundred thousand directories.
 */
function checkNeighbours(names: readonly EntryName[], maxEntries: number): void {
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
    // Upwards only to the first known folder: for 20,000 entries 250 folders deep the whole way up takes seconds.
    for (let parent = parentOf(path); parent !== '' && !directories.has(parent); parent = parentOf(parent)) {
      take(parent, true, false);
    }
  }
}

/** The same key for all names that some file system takes for one. Upper case first: it expands `ß` and folds `ſ`, as they do. */
function foldName(path: string): string {
  return path.normalize('NFC').toUpperCase().toLowerCase().normalize('NFC');
}

/** The path of the folder that holds a path, '' for the root. */
export function parentOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf('/')));
}
