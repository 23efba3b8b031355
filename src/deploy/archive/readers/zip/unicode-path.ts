/**
 * Owns the extra field with the UTF-8 name of an entry, which tools for Windows write beside a name in the system's own
 * encoding: `u8 version | u32 checksum of the plain name | name`.
 */
import { isUtf8 } from 'node:buffer';
import { crc32 } from 'node:zlib';
import { invalidEntry } from '../../refusals.js';
import { findExtraField } from './extra-field.js';

const EXTRA_FIELD = 0x7075;
const VERSION = 1;
/** Flag of an entry whose plain name is UTF-8. */
const FLAG_UTF8 = 0x0800;
const SLASH = 0x2f;

/**
 * The bytes of the name to read: the plain name, or the field's where the plain name is in an unknown encoding. A field
 * beside a readable plain name must have the same name, since programs differ in which of the two they take.
 * Throws INVALID_BUNDLE for two different names.
 */
export function unicodeName(rawName: Buffer, flags: number, extra: Buffer): Buffer {
  const field = findExtraField(extra, EXTRA_FIELD);
  const name = field?.subarray(5);
  if (field === undefined || name === undefined || name.equals(rawName)) return rawName;
  const isReplacement =
    field.length > 5 &&
    field[0] === VERSION &&
    field.readUInt32LE(1) === crc32(rawName) &&
    (flags & FLAG_UTF8) === 0 &&
    !isUtf8(rawName) &&
    countSlashes(name) === countSlashes(rawName);
  if (!isReplacement) {
    throw invalidEntry(rawName, 'has two different names. Use a tool that writes UTF-8 names.');
  }
  return name;
}

/** In every encoding that zip tools use, the byte of a slash is a slash: both names lie equally deep. */
function countSlashes(name: Buffer): number {
  return name.reduce((count, byte) => count + (byte === SLASH ? 1 : 0), 0);
}
