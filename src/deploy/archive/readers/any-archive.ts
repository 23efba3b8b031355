/** Owns recognising the format of an archive by its bytes, whatever its file is called, and inflating a compressed tar. */
import { gunzipSync } from 'node:zlib';
import { invalidArchive, unpackedTooLarge } from '../refusals.js';
import type { SourceFiles, SourceLimits } from '../source-files.js';
import { BLOCK_BYTES, isTarHeader } from './tar/tar-header.js';
import { readTar } from './tar/tar-reader.js';
import { readZip } from './zip/zip-reader.js';

const GZIP = Buffer.from([0x1f, 0x8b]);

/** What people also send, by the first bytes. */
const OTHERS: readonly (readonly [name: string, magic: Buffer])[] = [
  ['7z', Buffer.from('7z\xbc\xaf\x27\x1c', 'latin1')],
  ['rar', Buffer.from('Rar!')],
  ['xz', Buffer.from('\xfd7zXZ\0', 'latin1')],
  ['bzip2', Buffer.from('BZh')],
  ['zstd', Buffer.from([0x28, 0xb5, 0x2f, 0xfd])],
];

/** Blocks of a tar archive beside the contents: for each entry a header, a pax header with its records, and two fillings. */
const BLOCKS_PER_ENTRY = 5;
const TAR_FRAME_BYTES = 1024 * 1024;

/** Reads a zip, tar or tar.gz. See `SourceReader`. */
export function readArchive(archive: Buffer, limits: SourceLimits): SourceFiles {
  if (startsWith(archive, GZIP)) return readTar(inflate(archive, limits), limits);
  if (isTarHeader(archive)) return readTar(archive, limits);
  const other = OTHERS.find(([, magic]) => startsWith(archive, magic));
  if (other !== undefined) {
    throw invalidArchive(`The file is a ${other[0]} archive. Upload a .zip, .tar or .tar.gz file.`);
  }
  return readZip(archive, limits);
}

function startsWith(archive: Buffer, magic: Buffer): boolean {
  return archive.subarray(0, magic.length).equals(magic);
}

/** The content of a gzip file; no more is allocated than a tar archive within the limits can have. */
function inflate(archive: Buffer, { maxUnpackedBytes, maxEntries }: SourceLimits): Buffer {
  const maxOutputLength = maxUnpackedBytes + maxEntries * BLOCKS_PER_ENTRY * BLOCK_BYTES + TAR_FRAME_BYTES;
  try {
    return gunzipSync(archive, { maxOutputLength });
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE')
      throw unpackedTooLarge(maxUnpackedBytes);
    throw invalidArchive('The gzip file is damaged, or was cut short. Upload it again, or make it again.');
  }
}
