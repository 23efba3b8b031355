/**
 * Owns reading an archive's directory byte by byte, and refusing every archive that two readers could understand
 * differently: what passes here has one meaning, whoever inflates it. Inflating is left to `bundle-thread.ts`.
 *
 *   local header | name | extra | data [descriptor]   …one per entry, from byte 0
 *   central header | name | extra | comment           …one per entry, ending where the next line begins
 *   end record | comment                              …ending at the last byte of the file
 */
import { GlambdarError } from '../../errors.js';
import { checkNames, invalidEntry, parseEntryName, tooManyEntries, type EntryName } from './zip-names.js';

const LOCAL_SIGNATURE = 0x04034b50;
const CENTRAL_SIGNATURE = 0x02014b50;
const END_SIGNATURE = 0x06054b50;
const ZIP64_LOCATOR_SIGNATURE = 0x07064b50;
const LOCAL_BYTES = 30;
const CENTRAL_BYTES = 46;
const END_BYTES = 22;
const ZIP64_LOCATOR_BYTES = 20;
const MAX_COMMENT_BYTES = 0xffff;
const NO_16 = 0xffff;
const NO_32 = 0xffffffff;

const FLAG_DESCRIPTOR = 0x0008;
/** Encrypted, patched data, strong encryption, masked directory. */
const FLAGS_REFUSED = 0x0001 | 0x0020 | 0x0040 | 0x2000;
const STORED = 0;
const DEFLATED = 8;

const EXTRA_ZIP64 = 0x0001;
const EXTRA_UNICODE_PATH = 0x7075;

export interface ZipEntry extends EntryName {
  rawName: Buffer;
  /** Unix type and permission bits; 0 when the tool wrote none. */
  mode: number;
  flags: number;
  method: number;
  crc: number;
  compressedSize: number;
  /** Bytes once inflated, as declared; checked again against the real ones when inflating. */
  size: number;
  headerOffset: number;
}

export interface ZipLimits {
  maxUnpackedBytes: number;
  maxEntries: number;
}

/** All entries in the archive's order, validated. Throws INVALID_BUNDLE, BUNDLE_TOO_LARGE; never reads outside `zip`. */
export function readZipDirectory(zip: Buffer, limits: ZipLimits): ZipEntry[] {
  const end = findEnd(zip);
  const count = zip.readUInt16LE(end + 10);
  if (count > limits.maxEntries) throw tooManyEntries(limits.maxEntries);
  const size = zip.readUInt32LE(end + 12);
  const start = zip.readUInt32LE(end + 16);
  const locator = end - ZIP64_LOCATOR_BYTES;
  const hasLocator = locator >= 0 && zip.readUInt32LE(locator) === ZIP64_LOCATOR_SIGNATURE;
  if (hasLocator || count === NO_16 || size === NO_32 || start === NO_32) throw zip64();
  if (
    zip.readUInt16LE(end + 4) !== 0 ||
    zip.readUInt16LE(end + 6) !== 0 ||
    zip.readUInt16LE(end + 8) !== count
  ) {
    throw invalidArchive('The archive is one part of several. Upload it as one file.');
  }
  if (start + size !== end) {
    throw invalidArchive(
      'The archive has bytes before its first entry, or its directory is damaged. Make it again.',
    );
  }

  const entries: ZipEntry[] = [];
  let position = start;
  let unpackedBytes = 0;
  for (let index = 0; index < count; index++) {
    const { entry, next } = readCentral(zip, position, end);
    unpackedBytes += entry.size;
    if (unpackedBytes > limits.maxUnpackedBytes) throw unpackedTooLarge(limits.maxUnpackedBytes);
    entries.push(entry);
    position = next;
  }
  if (position !== end)
    throw invalidArchive('The archive says that it has fewer entries than it has. Make it again.');
  checkNames(entries, limits.maxEntries);
  checkLocals(zip, entries, start);
  return entries;
}

/** A BUNDLE_TOO_LARGE about the size once unpacked. */
export function unpackedTooLarge(maxUnpackedBytes: number): GlambdarError {
  const message = `The archive unpacks to more than ${maxUnpackedBytes} bytes. Leave out what the function does not need.`;
  return new GlambdarError('BUNDLE_TOO_LARGE', message);
}

/** The last end signature in the file must be the end record; searching on would let a comment hold another archive. */
function findEnd(zip: Buffer): number {
  if (zip.length >= 4 && zip.readUInt16LE(0) !== 0x4b50) {
    throw invalidArchive('The file is not a zip archive. Upload a .zip file.');
  }
  const lowest = Math.max(0, zip.length - END_BYTES - MAX_COMMENT_BYTES);
  for (let at = zip.length - END_BYTES; at >= lowest; at--) {
    if (zip[at] !== 0x50 || zip.readUInt32LE(at) !== END_SIGNATURE) continue;
    if (at + END_BYTES + zip.readUInt16LE(at + 20) === zip.length) return at;
    throw invalidArchive(
      'The archive has bytes after its end, or was cut short. Upload it again, or make it again.',
    );
  }
  throw invalidArchive(
    'The file is not a whole zip archive: its end is missing. Upload it again, or make it again.',
  );
}

function readCentral(zip: Buffer, at: number, end: number): { entry: ZipEntry; next: number } {
  if (at + CENTRAL_BYTES > end || zip.readUInt32LE(at) !== CENTRAL_SIGNATURE) throw damagedDirectory();
  const nameEnd = at + CENTRAL_BYTES + zip.readUInt16LE(at + 28);
  const extraEnd = nameEnd + zip.readUInt16LE(at + 30);
  const next = extraEnd + zip.readUInt16LE(at + 32);
  if (next > end) throw damagedDirectory();
  const rawName = zip.subarray(at + CENTRAL_BYTES, nameEnd);
  const entry: ZipEntry = {
    ...parseEntryName(rawName),
    rawName,
    mode: zip.readUInt16LE(at + 40),
    flags: zip.readUInt16LE(at + 8),
    method: zip.readUInt16LE(at + 10),
    crc: zip.readUInt32LE(at + 16),
    compressedSize: zip.readUInt32LE(at + 20),
    size: zip.readUInt32LE(at + 24),
    headerOffset: zip.readUInt32LE(at + 42),
  };
  if (entry.size === NO_32 || entry.compressedSize === NO_32 || entry.headerOffset === NO_32) throw zip64();
  if (zip.readUInt16LE(at + 34) !== 0)
    throw invalidEntry(rawName, 'is in another part of the archive. Upload it as one file.');
  checkKind(entry);
  const unicodePath = findExtra(zip.subarray(nameEnd, extraEnd), EXTRA_UNICODE_PATH);
  // Version byte, checksum of the plain name, then the name a reader that knows this field would use instead.
  if (unicodePath !== undefined && !unicodePath.subarray(5).equals(rawName)) {
    throw invalidEntry(rawName, 'has two different names. Use a tool that writes UTF-8 names.');
  }
  return { entry, next };
}

function checkKind({ rawName, directory, mode, flags, method, size, compressedSize, crc }: ZipEntry): void {
  if ((flags & FLAGS_REFUSED) !== 0)
    throw invalidEntry(rawName, 'is encrypted or patched. Make the archive without a password.');
  if (method !== STORED && method !== DEFLATED) {
    throw invalidEntry(
      rawName,
      `is compressed by method ${method}; only "deflate" and "store" can be read. Make the archive with one of these.`,
    );
  }
  const type = mode & 0o170000;
  if (type === 0o120000)
    throw invalidEntry(rawName, 'is a symbolic link. Archive the file it points to (without "zip -y").');
  if (type !== 0 && type !== 0o100000 && type !== 0o040000) {
    throw invalidEntry(rawName, 'is a device, pipe or socket. Leave it out.');
  }
  if (type !== 0 && (type === 0o040000) !== directory) {
    throw invalidEntry(
      rawName,
      'is a folder by its mode or its name, but not by both. Make the archive again.',
    );
  }
  if ((mode & 0o7000) !== 0)
    throw invalidEntry(rawName, 'has a setuid, setgid or sticky bit. Remove it (chmod u-s,g-s,-t).');
  const lying = method === STORED ? size !== compressedSize : size > 0 && compressedSize === 0;
  if (lying) throw invalidEntry(rawName, 'declares sizes that cannot be true. Make the archive again.');
  if (size === 0 && crc !== 0) throw invalidEntry(rawName, 'has a wrong checksum. Make the archive again.');
  if (directory && size > 0) throw invalidEntry(rawName, 'is a folder with content. Make the archive again.');
}

/** Every local header must say what its central one says, and no byte of the file may belong to two entries. */
function checkLocals(zip: Buffer, entries: readonly ZipEntry[], directoryStart: number): void {
  let free = 0;
  for (const entry of [...entries].sort((a, b) => a.headerOffset - b.headerOffset)) {
    const { rawName, headerOffset } = entry;
    if (free === 0 && headerOffset !== 0) {
      throw invalidArchive(
        'The archive has bytes before its first entry. Upload a plain .zip, not a self-extracting one.',
      );
    }
    if (headerOffset < free) throw invalidEntry(rawName, 'overlaps another one. Make the archive again.');
    const nameAt = headerOffset + LOCAL_BYTES;
    if (nameAt > directoryStart || zip.readUInt32LE(headerOffset) !== LOCAL_SIGNATURE)
      throw damagedEntry(rawName);
    const nameEnd = nameAt + zip.readUInt16LE(headerOffset + 26);
    const extraEnd = nameEnd + zip.readUInt16LE(headerOffset + 28);
    free = extraEnd + entry.compressedSize;
    if (free > directoryStart)
      throw invalidEntry(rawName, 'overlaps the directory, or was cut short. Make the archive again.');
    const sameName = zip.subarray(nameAt, nameEnd).equals(rawName);
    if (!sameName || !sameHeader(zip, entry, zip.subarray(nameEnd, extraEnd))) throw damagedEntry(rawName);
  }
}

function sameHeader(zip: Buffer, entry: ZipEntry, extra: Buffer): boolean {
  const at = entry.headerOffset;
  const flags = zip.readUInt16LE(at + 6);
  if ((flags & FLAGS_REFUSED) !== 0 || zip.readUInt16LE(at + 8) !== entry.method) return false;
  // With a descriptor after the data the local header does not know these yet; the central one does.
  if ((flags & FLAG_DESCRIPTOR) !== 0) return true;
  let size = zip.readUInt32LE(at + 22);
  let compressedSize = zip.readUInt32LE(at + 18);
  const zip64Sizes = findExtra(extra, EXTRA_ZIP64);
  // Tools that write to a pipe reserve room for 64-bit sizes in the local header, whatever the real ones turn out to be.
  if (size === NO_32 && compressedSize === NO_32 && zip64Sizes !== undefined && zip64Sizes.length >= 16) {
    size = Number(zip64Sizes.readBigUInt64LE(0));
    compressedSize = Number(zip64Sizes.readBigUInt64LE(8));
  }
  return (
    size === entry.size && compressedSize === entry.compressedSize && zip.readUInt32LE(at + 14) === entry.crc
  );
}

function findExtra(extra: Buffer, id: number): Buffer | undefined {
  for (let at = 0; at + 4 <= extra.length;) {
    const end = at + 4 + extra.readUInt16LE(at + 2);
    if (end > extra.length) return undefined;
    if (extra.readUInt16LE(at) === id) return extra.subarray(at + 4, end);
    at = end;
  }
  return undefined;
}

function invalidArchive(message: string): GlambdarError {
  return new GlambdarError('INVALID_BUNDLE', message);
}

function damagedDirectory(): GlambdarError {
  return invalidArchive("The archive's directory is damaged. Upload it again, or make it again.");
}

function damagedEntry(rawName: Buffer): GlambdarError {
  return invalidEntry(rawName, 'is damaged, or described in two different ways. Make the archive again.');
}

function zip64(): GlambdarError {
  return invalidArchive(
    'The archive is in ZIP64 format, which is for more than 4 GiB or 65,534 files. Make it without (zip -fz-).',
  );
}
