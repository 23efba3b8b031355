/** Owns the headers in front of the entries' data in a zip archive, which repeat the directory and must not contradict it. */
import type { GlambdarError } from '../../../../errors.js';
import { invalidArchive, invalidEntry } from '../../refusals.js';
import { REFUSED_FLAGS, type ZipEntry } from './central-header.js';
import { localSizes } from './zip64.js';

const SIGNATURE = 0x04034b50;
const HEADER_BYTES = 30;
/** Flag of a header without checksum and sizes, which follow behind the data. */
const FLAG_DESCRIPTOR = 0x0008;

/**
 * Checks that every local header agrees with the directory, and that no byte of the file belongs to two entries.
 * Throws INVALID_BUNDLE.
 */
export function checkLocalHeaders(zip: Buffer, entries: readonly ZipEntry[], directoryStart: number): void {
  const inFileOrder = [...entries].sort((a, b) => a.headerOffset - b.headerOffset);
  if (inFileOrder.length > 0 && inFileOrder[0]!.headerOffset !== 0) {
    throw invalidArchive(
      'The archive has bytes before its first entry. Upload a plain .zip, not a self-extracting one.',
    );
  }
  let free = 0;
  for (const entry of inFileOrder) {
    const { rawName, headerOffset } = entry;
    if (headerOffset < free) throw invalidEntry(rawName, 'overlaps another one. Make the archive again.');
    if (headerOffset + HEADER_BYTES > directoryStart || zip.readUInt32LE(headerOffset) !== SIGNATURE) {
      throw damagedEntry(rawName);
    }
    const { nameStart, nameEnd, dataStart } = locate(zip, entry);
    free = dataStart + entry.compressedSize;
    if (free > directoryStart) {
      throw invalidEntry(rawName, 'overlaps the directory, or was cut short. Make the archive again.');
    }
    const sameName = zip.subarray(nameStart, nameEnd).equals(rawName);
    if (!sameName || !isSame(zip, entry, zip.subarray(nameEnd, dataStart))) throw damagedEntry(rawName);
  }
}

/** The data of an entry as stored in the archive. To be called after `checkLocalHeaders` has passed. */
export function compressedContent(zip: Buffer, entry: ZipEntry): Buffer {
  const { dataStart } = locate(zip, entry);
  return zip.subarray(dataStart, dataStart + entry.compressedSize);
}

function locate(zip: Buffer, { headerOffset }: ZipEntry) {
  const nameStart = headerOffset + HEADER_BYTES;
  const nameEnd = nameStart + zip.readUInt16LE(headerOffset + 26);
  return { nameStart, nameEnd, dataStart: nameEnd + zip.readUInt16LE(headerOffset + 28) };
}

function isSame(zip: Buffer, entry: ZipEntry, extra: Buffer): boolean {
  const at = entry.headerOffset;
  const flags = zip.readUInt16LE(at + 6);
  const method = zip.readUInt16LE(at + 8);
  if ((flags & REFUSED_FLAGS) !== 0 || method !== entry.method) return false;
  if ((flags & FLAG_DESCRIPTOR) !== 0) return true;

  const crc = zip.readUInt32LE(at + 14);
  const declared = { compressedSize: zip.readUInt32LE(at + 18), size: zip.readUInt32LE(at + 22) };
  const { size, compressedSize } = localSizes(declared, extra);
  return crc === entry.crc && size === entry.size && compressedSize === entry.compressedSize;
}

function damagedEntry(rawName: Buffer): GlambdarError {
  return invalidEntry(rawName, 'is damaged, or described in two different ways. Make the archive again.');
}
