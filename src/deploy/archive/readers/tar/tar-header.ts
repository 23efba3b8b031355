/**
 * Owns the header block of one member of a tar archive: its fields, in the formats v7, ustar and GNU. The members that only
 * describe the next one are read here as any other; `tar-members.ts` knows what they mean.
 *
 *   0 name 100 | mode 8 | uid 8 | gid 8 | size 12 | mtime 12 | checksum 8 | type 1 | link 100
 *   257 magic 8 | user 32 | group 32 | major 8 | minor 8 | 345 prefix 155 (ustar only) | 500
 */
import { invalidArchive, invalidEntry } from '../../refusals.js';

/** Headers and contents fill whole blocks. */
export const BLOCK_BYTES = 512;

/** Enough octal digits for 8 TiB: a larger size could not be added up exactly, and is beyond every limit. */
const OCTAL = /^[ \0]*([0-7]{0,14})[ \0]*$/;

export interface TarHeader {
  /** The name's bytes as the header has them, its prefix included. */
  rawName: Buffer;
  /** The character of the member's kind; `0` for the NUL of old archives. */
  type: string;
  /** Permission bits. */
  mode: number;
  /** Bytes of the content behind the header. */
  size: number;
}

const ZEROS = Buffer.alloc(64 * 1024);

/** Whether there are only zeros, as in the two blocks that end an archive, and behind them. */
export function isZero(bytes: Buffer): boolean {
  for (let at = 0; at < bytes.length; at += ZEROS.length) {
    const piece = bytes.subarray(at, at + ZEROS.length);
    if (!piece.equals(ZEROS.subarray(0, piece.length))) return false;
  }
  return true;
}

/** Whether bytes begin with a header whose checksum is right, so that they can be a tar archive. */
export function isTarHeader(bytes: Buffer): boolean {
  if (bytes.length < BLOCK_BYTES) return false;
  const declared = octal(bytes.subarray(148, 156));
  if (declared === undefined) return false;
  let unsigned = 0;
  let signed = 0;
  for (let at = 0; at < BLOCK_BYTES; at += 1) {
    const byte = at >= 148 && at < 156 ? 0x20 : bytes[at]!;
    unsigned += byte;
    signed += byte > 127 ? byte - 256 : byte;
  }
  // Some old programs added up signed bytes.
  return declared === unsigned || declared === signed;
}

/** Reads a header block that is not all zeros. Throws INVALID_BUNDLE. */
export function readTarHeader(block: Buffer): TarHeader {
  if (!isTarHeader(block)) {
    throw invalidArchive('The tar archive is damaged: a header has a wrong checksum. Make it again.');
  }
  const isUstar = block.toString('latin1', 257, 265) === 'ustar\x0000';
  const name = text(block.subarray(0, 100));
  const prefix = isUstar ? text(block.subarray(345, 500)) : Buffer.alloc(0);
  const rawName = prefix.length === 0 ? name : Buffer.concat([prefix, Buffer.from('/'), name]);
  const mode = octal(block.subarray(100, 108));
  const size = number(block.subarray(124, 136));
  if (mode === undefined || size === undefined) {
    throw invalidEntry(rawName, 'has a header that cannot be read. Make the archive again.');
  }
  const type = block.toString('latin1', 156, 157);
  return { rawName, type: type === '\0' ? '0' : type, mode: mode & 0o7777, size };
}

/** The bytes of a field up to its first NUL. */
function text(field: Buffer): Buffer {
  const end = field.indexOf(0);
  return end === -1 ? field : field.subarray(0, end);
}

/** An octal number, or one of GNU's binary ones for what octal digits cannot hold; undefined when the field is neither. */
function number(field: Buffer): number | undefined {
  if (field[0] !== 0x80) return octal(field);
  const value = BigInt(`0x${field.subarray(1).toString('hex')}`);
  return value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : Infinity;
}

/** The number of a field of octal digits, 0 for an empty field; undefined for any other text. */
function octal(field: Buffer): number | undefined {
  const digits = OCTAL.exec(field.toString('latin1'))?.[1];
  return digits === undefined ? undefined : parseInt(`0${digits}`, 8);
}
