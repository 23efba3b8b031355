/** Owns the record at the end of a zip archive: finding it, and reading from it where the archive's directory lies. */
import { invalidArchive, tooManyEntries } from '../../refusals.js';
import { directoryPlace } from './zip64.js';

const SIGNATURE = 0x06054b50;
const RECORD_BYTES = 22;
const MAX_COMMENT_BYTES = 0xffff;

export interface EndRecord {
  /** Declared number of entries; no more than allowed. */
  count: number;
  /** Position of the first central header. */
  directoryStart: number;
  /** Position behind the directory, where its end record begins. */
  end: number;
}

/** Reads the end record. Throws INVALID_BUNDLE for a file that is not one whole, plain zip archive. */
export function readEndRecord(zip: Buffer, maxEntries: number): EndRecord {
  const at = findEndRecord(zip);
  const place = directoryPlace(zip, {
    disk: zip.readUInt16LE(at + 4),
    directoryDisk: zip.readUInt16LE(at + 6),
    countOnDisk: zip.readUInt16LE(at + 8),
    count: zip.readUInt16LE(at + 10),
    directoryBytes: zip.readUInt32LE(at + 12),
    directoryStart: zip.readUInt32LE(at + 16),
    end: at,
  });
  const { disk, directoryDisk, countOnDisk, count, directoryBytes, directoryStart, end } = place;
  if (count > maxEntries) throw tooManyEntries(maxEntries);
  if (disk !== 0 || directoryDisk !== 0 || countOnDisk !== count) {
    throw invalidArchive('The archive is one part of several. Upload it as one file.');
  }
  if (directoryStart + directoryBytes !== end) {
    throw invalidArchive(
      'The archive has bytes before its first entry, or its directory is damaged. Make it again.',
    );
  }
  return { count, directoryStart, end };
}

/**
 * Position of the last signature, which must be the end record: searching on would let a comment hold another archive. Only
 * zeros may follow, with which bsdtar fills what it writes to a pipe.
 */
function findEndRecord(zip: Buffer): number {
  if (zip.length >= 4 && zip.readUInt16LE(0) !== 0x4b50) {
    throw invalidArchive('The file is not a zip archive. Upload a .zip, .tar or .tar.gz file.');
  }
  const lowest = Math.max(0, zip.length - RECORD_BYTES - MAX_COMMENT_BYTES);
  for (let at = zip.length - RECORD_BYTES; at >= lowest; at--) {
    if (zip[at] !== 0x50 || zip.readUInt32LE(at) !== SIGNATURE) continue;
    const commentBytes = zip.readUInt16LE(at + 20);
    const behind = zip.subarray(at + RECORD_BYTES + commentBytes);
    if (at + RECORD_BYTES + commentBytes <= zip.length && behind.every((byte) => byte === 0)) return at;
    throw invalidArchive(
      'The archive has bytes after its end, or was cut short. Upload it again, or make it again.',
    );
  }
  throw invalidArchive(
    'The file is not a whole zip archive: its end is missing. Upload it again, or make it again.',
  );
}
