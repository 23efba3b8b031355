/** Owns the header of one entry in a zip archive's directory: reading it, and refusing entries that cannot be read. */
import type { GlambdarError } from '../../../../errors.js';
import { readEntryName } from '../../entry-names.js';
import { invalidArchive, invalidEntry } from '../../refusals.js';
import type { SourceEntry } from '../../source-files.js';
import { unicodeName } from './unicode-path.js';
import { damagedZip64, directorySizes } from './zip64.js';

const SIGNATURE = 0x02014b50;
const HEADER_BYTES = 46;

/** Flags of entries that are refused: encrypted, patched data, strong encryption, masked directory. */
export const REFUSED_FLAGS = 0x0001 | 0x0020 | 0x0040 | 0x2000;
/** The kind of a file in its Unix mode, and the kind of a folder. */
const TYPE = 0o170000;
const DIRECTORY = 0o040000;
/** The bit of a folder in the attributes of MS-DOS. */
const DOS_DIRECTORY = 0x10;

export const STORED = 0;
export const DEFLATED = 8;

/** An entry as the directory describes it. */
export interface ZipEntry extends SourceEntry {
  /** The name's bytes. */
  rawName: Buffer;
  flags: number;
  /** STORED or DEFLATED. */
  method: number;
  /** CRC-32 of the content. */
  crc: number;
  compressedSize: number;
  /** Declared position of the local header in the file. */
  headerOffset: number;
}

/**
 * @param at declared position of the header
 * @param end end of the directory
 * @returns the entry, and the position of the next header. Throws INVALID_BUNDLE
 */
export function readCentralHeader(zip: Buffer, at: number, end: number): { entry: ZipEntry; next: number } {
  if (at + HEADER_BYTES > end || zip.readUInt32LE(at) !== SIGNATURE) throw damagedDirectory();
  const nameEnd = at + HEADER_BYTES + zip.readUInt16LE(at + 28);
  const extraEnd = nameEnd + zip.readUInt16LE(at + 30);
  const next = extraEnd + zip.readUInt16LE(at + 32);
  if (next > end) throw damagedDirectory();

  const rawName = zip.subarray(at + HEADER_BYTES, nameEnd);
  const extra = zip.subarray(nameEnd, extraEnd);
  const flags = zip.readUInt16LE(at + 8);
  const mode = zip.readUInt16LE(at + 40);
  const declared = {
    size: zip.readUInt32LE(at + 24),
    compressedSize: zip.readUInt32LE(at + 20),
    headerOffset: zip.readUInt32LE(at + 42),
    disk: zip.readUInt16LE(at + 34),
  };
  const real = directorySizes(declared, extra);
  if (real === undefined) throw damagedZip64();
  const { disk, ...sizes } = real;
  const entry: ZipEntry = {
    ...readEntryName(unicodeName(rawName, flags, extra), isFolder(mode, zip.readUInt16LE(at + 38))),
    rawName,
    flags,
    method: zip.readUInt16LE(at + 10),
    crc: zip.readUInt32LE(at + 16),
    mode,
    ...sizes,
  };
  if (disk !== 0) throw invalidEntry(rawName, 'is in another part of the archive. Upload it as one file.');
  checkCompression(entry);
  return { entry, next };
}

/** Whether the Unix mode says so, or, where there is none, the attributes of MS-DOS. */
function isFolder(mode: number, dosAttributes: number): boolean {
  return (mode & TYPE) === DIRECTORY || (mode === 0 && (dosAttributes & DOS_DIRECTORY) !== 0);
}

function checkCompression({ rawName, flags, method, size, compressedSize, crc }: ZipEntry): void {
  if ((flags & REFUSED_FLAGS) !== 0) {
    throw invalidEntry(rawName, 'is encrypted or patched. Make the archive without a password.');
  }
  if (method !== STORED && method !== DEFLATED) {
    throw invalidEntry(
      rawName,
      `is compressed by method ${method}; only "deflate" and "store" can be read. Make the archive with one of these.`,
    );
  }
  const lying = method === STORED ? size !== compressedSize : size > 0 && compressedSize === 0;
  if (lying) throw invalidEntry(rawName, 'declares sizes that cannot be true. Make the archive again.');
  if (size === 0 && crc !== 0) throw invalidEntry(rawName, 'has a wrong checksum. Make the archive again.');
}

function damagedDirectory(): GlambdarError {
  return invalidArchive("The archive's directory is damaged. Upload it again, or make it again.");
}
