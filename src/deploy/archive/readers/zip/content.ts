/** Owns inflating one entry of a zip archive, and comparing its content with the declared size and checksum. */
import { crc32, inflateRawSync } from 'node:zlib';
import type { GlambdarError } from '../../../../errors.js';
import { invalidEntry } from '../../refusals.js';
import { STORED, type ZipEntry } from './central-header.js';

/**
 * The content of an entry. No more than the declared size is allocated for it, whatever the data expands to.
 * Throws INVALID_BUNDLE.
 */
export function readContent(entry: ZipEntry, data: Buffer): Buffer {
  const content = entry.method === STORED ? data : inflate(entry, data);
  if (content.length !== entry.size) {
    const sizes = `declares ${entry.size} bytes and has ${content.length}. Make the archive again.`;
    throw invalidEntry(entry.rawName, sizes);
  }
  if (crc32(content) !== entry.crc) throw damaged(entry);
  return content;
}

function inflate(entry: ZipEntry, data: Buffer): Buffer {
  let inflated;
  try {
    // zlib wants a limit of at least 1; the caller compares the sizes.
    inflated = inflateRawSync(data, { maxOutputLength: Math.max(1, entry.size), info: true });
  } catch (cause) {
    throw damaged(entry, cause);
  }
  // `info: true` returns the engine, too, which Node's types do not know.
  const { buffer, engine } = inflated as unknown as { buffer: Buffer; engine: { bytesWritten: number } };
  // Bytes after the end of the compressed data: programs that read the archive as a stream would take them for a header.
  if (engine.bytesWritten !== data.length) throw damaged(entry);
  return buffer;
}

function damaged({ rawName }: ZipEntry, cause?: unknown): GlambdarError {
  const advice = 'is damaged, or bigger than it declares. Upload it again, or make it again.';
  return invalidEntry(rawName, advice, cause);
}
