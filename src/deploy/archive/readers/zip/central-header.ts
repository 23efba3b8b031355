/** Owns the header of one entry in a zip archive's directory: reading it, and refusing entries that cannot be read. */
import type { GlambdarError } from '../../../../errors.js';
import { readEntryName } from '../../entry-names.js';
import { invalidArchive, invalidEntry } from '../../refusals.js';
import type { SourceEntry } from '../../source-files.js';
import { findExtraField } from './extra-field.js';
import { refuseZip64Entry } from './zip64.js';

const SIGNATURE = 0x02014b50;
const HEADER_BYTES = 46;
const UNICODE_PATH_FIELD = 0x7075;

/** Flags of entries that are refused: encrypted, patched data, strong encryption, masked directory. */
export const REFUSED_FLAGS = 0x0001 | 0x0020 | 0x0040 | 0x2000;
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
  const entry: ZipEntry = {
    ...readEntryName(rawName),
    rawName,
    flags: zip.readUInt16LE(at + 8),
    method: zip.readUInt16LE(at + 10),
    crc: zip.readUInt32LE(at + 16),
    compressedSize: zip.readUInt32LE(at + 20),
    size: zip.readUInt32LE(at + 24),
    mode: zip.readUInt16LE(at + 40),
    headerOffset: zip.readUInt32LE(at + 42),
  };
  refuseZip64Entry(entry.size, entry.compressedSize, entry.headerOffset);
  const disk = zip.readUInt16LE(at + 34);
  if (disk !== 0) throw invalidEntry(rawName, 'is in another part of the archive. Upload it as one file.');
  checkCompression(entry);
  checkUnicodePath(rawName, zip.subarray(nameEnd, extraEnd));
  return { entry, next };
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

/** Refuses a Unicode path field (version byte, checksum of the plain name, name) that has another name than the header. */
function checkUnicodePath(rawName: Buffer, extra: Buffer): void {
  const field = findExtraField(extra, UNICODE_PATH_FIELD);
  if (field !== undefined && !field.subarray(5).equals(rawName)) {
    throw invalidEntry(rawName, 'has two different names. Use a tool that writes UTF-8 names.');
  }
}

function damagedDirectory(): GlambdarError {
  return invalidArchive("The archive's directory is damaged. Upload it again, or make it again.");
}
