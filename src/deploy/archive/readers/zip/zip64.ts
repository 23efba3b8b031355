/**
 * Owns the knowledge of ZIP64, the extension of the format for more than 4 GiB or 65,534 files. Archives that need ZIP64
 * are refused; a local header that only reserves room for 64-bit sizes is read.
 */
import type { GlambdarError } from '../../../../errors.js';
import { invalidArchive } from '../../refusals.js';
import { findExtraField } from './extra-field.js';

/** Values of a 16-bit or 32-bit field that mean: the real value is in the ZIP64 field. */
const ELSEWHERE_16 = 0xffff;
const ELSEWHERE_32 = 0xffffffff;

const LOCATOR_SIGNATURE = 0x07064b50;
const LOCATOR_BYTES = 20;
const EXTRA_FIELD = 0x0001;

/** Throws INVALID_BUNDLE when the end record refers to a ZIP64 end record. `record.end` is the position of the end record. */
export function refuseZip64End(
  zip: Buffer,
  record: { end: number; count: number; directoryBytes: number; directoryStart: number },
): void {
  const locator = record.end - LOCATOR_BYTES;
  const hasLocator = locator >= 0 && zip.readUInt32LE(locator) === LOCATOR_SIGNATURE;
  if (
    hasLocator ||
    record.count === ELSEWHERE_16 ||
    record.directoryBytes === ELSEWHERE_32 ||
    record.directoryStart === ELSEWHERE_32
  ) {
    throw needsZip64();
  }
}

/** Throws INVALID_BUNDLE when one of the 32-bit fields of a central header refers to the ZIP64 field. */
export function refuseZip64Entry(...fields: number[]): void {
  if (fields.includes(ELSEWHERE_32)) throw needsZip64();
}

/**
 * The sizes of a local header, from its ZIP64 field where the header refers to it: tools that write to a pipe reserve room
 * for 64-bit sizes there, even when the real sizes turn out to be small.
 */
export function localSizes(
  sizes: { size: number; compressedSize: number },
  extra: Buffer,
): { size: number; compressedSize: number } {
  if (sizes.size !== ELSEWHERE_32 || sizes.compressedSize !== ELSEWHERE_32) return sizes;
  const field = findExtraField(extra, EXTRA_FIELD);
  if (field === undefined || field.length < 16) return sizes;
  return { size: Number(field.readBigUInt64LE(0)), compressedSize: Number(field.readBigUInt64LE(8)) };
}

function needsZip64(): GlambdarError {
  return invalidArchive(
    'The archive is in ZIP64 format, which is for more than 4 GiB or 65,534 files. Make it without (zip -fz-).',
  );
}
