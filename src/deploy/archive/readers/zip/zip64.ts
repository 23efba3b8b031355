/**
 * Owns the knowledge of ZIP64, the extension of the format for more than 4 GiB or 65,534 files. Some tools write it for
 * small archives, too. A field of the plain format that says "the value is in the ZIP64 part" has only ones.
 */
import type { GlambdarError } from '../../../../errors.js';
import { invalidArchive } from '../../refusals.js';
import { findExtraField } from './extra-field.js';

/** Values of a 16-bit or 32-bit field that mean: the real value is in the ZIP64 part. */
const ELSEWHERE_16 = 0xffff;
const ELSEWHERE_32 = 0xffffffff;

const LOCATOR_SIGNATURE = 0x07064b50;
const LOCATOR_BYTES = 20;
const RECORD_SIGNATURE = 0x06064b50;
const RECORD_BYTES = 56;
const EXTRA_FIELD = 0x0001;

/** Where the directory of an archive lies, as an end record says. */
export interface DirectoryPlace {
  disk: number;
  directoryDisk: number;
  countOnDisk: number;
  count: number;
  directoryBytes: number;
  directoryStart: number;
  /** Position of the record, which is the end of the directory. */
  end: number;
}

/**
 * What the ZIP64 end record in front of a plain one says; the plain one's own values when there is none. Every value of the
 * plain record must be the same, or say that it is elsewhere. Throws INVALID_BUNDLE.
 */
export function directoryPlace(zip: Buffer, plain: DirectoryPlace): DirectoryPlace {
  const locator = plain.end - LOCATOR_BYTES;
  if (locator < 0 || zip.readUInt32LE(locator) !== LOCATOR_SIGNATURE) {
    if (plain.directoryBytes === ELSEWHERE_32 || plain.directoryStart === ELSEWHERE_32) throw damagedZip64();
    return plain;
  }
  const end = locator - RECORD_BYTES;
  if (end < 0 || zip.readUInt32LE(end) !== RECORD_SIGNATURE) throw damagedZip64();
  const isWhole =
    zip.readUInt32LE(locator + 4) === 0 &&
    number64(zip, locator + 8) === end &&
    zip.readUInt32LE(locator + 16) === 1 &&
    number64(zip, end + 4) === RECORD_BYTES - 12;
  if (!isWhole) throw damagedZip64();
  const place: DirectoryPlace = {
    disk: zip.readUInt32LE(end + 16),
    directoryDisk: zip.readUInt32LE(end + 20),
    countOnDisk: number64(zip, end + 24),
    count: number64(zip, end + 32),
    directoryBytes: number64(zip, end + 40),
    directoryStart: number64(zip, end + 48),
    end,
  };
  const agrees =
    isSame(plain.disk, place.disk, ELSEWHERE_16) &&
    isSame(plain.directoryDisk, place.directoryDisk, ELSEWHERE_16) &&
    isSame(plain.countOnDisk, place.countOnDisk, ELSEWHERE_16) &&
    isSame(plain.count, place.count, ELSEWHERE_16) &&
    isSame(plain.directoryBytes, place.directoryBytes, ELSEWHERE_32) &&
    isSame(plain.directoryStart, place.directoryStart, ELSEWHERE_32);
  if (!agrees) throw damagedZip64();
  return place;
}

/** The values of a header in the directory that can be in its ZIP64 field. */
export interface DirectorySizes {
  size: number;
  compressedSize: number;
  headerOffset: number;
  disk: number;
}

/**
 * The values of a header in the directory, from its ZIP64 field where the header refers to the field, which has just the
 * values that are referred to, in this order. Undefined when a value is referred to and not there.
 */
export function directorySizes(header: DirectorySizes, extra: Buffer): DirectorySizes | undefined {
  const field = findExtraField(extra, EXTRA_FIELD) ?? Buffer.alloc(0);
  const sizes = { ...header };
  let at = 0;
  for (const key of ['size', 'compressedSize', 'headerOffset'] as const) {
    if (sizes[key] !== ELSEWHERE_32) continue;
    if (at + 8 > field.length) return undefined;
    sizes[key] = number64(field, at);
    at += 8;
  }
  if (sizes.disk === ELSEWHERE_16) {
    if (at + 4 > field.length) return undefined;
    sizes.disk = field.readUInt32LE(at);
  }
  return sizes;
}

/**
 * The sizes of a local header, from its ZIP64 field where the header refers to the field: tools that write to a pipe reserve
 * room for 64-bit sizes there, even when the real sizes turn out to be small.
 */
export function localSizes(
  sizes: { size: number; compressedSize: number },
  extra: Buffer,
): { size: number; compressedSize: number } {
  if (sizes.size !== ELSEWHERE_32 || sizes.compressedSize !== ELSEWHERE_32) return sizes;
  return directorySizes({ ...sizes, headerOffset: 0, disk: 0 }, extra) ?? sizes;
}

/** A 64-bit number; too large a one becomes Infinity, beyond every limit and position. */
function number64(bytes: Buffer, at: number): number {
  const value = bytes.readBigUInt64LE(at);
  return value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : Infinity;
}

function isSame(plain: number, real: number, elsewhere: number): boolean {
  return plain === real || plain === elsewhere;
}

/** The archive refers to ZIP64 records that are missing, damaged, or say something else than the plain records. */
export function damagedZip64(): GlambdarError {
  return invalidArchive(
    'The archive has ZIP64 records that are damaged, or contradict the others. Upload it again, or make it again.',
  );
}
