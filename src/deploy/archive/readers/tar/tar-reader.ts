/**
 * Owns reading tar archives that lie in memory. They have no directory and no checksums of contents; what two programs could
 * understand differently is refused. The end may be missing: some clients write neither the blocks that end an archive nor
 * the filling behind the last content.
 *
 * Our own, because tar-stream repairs names that are not UTF-8, takes the last of two descriptions, reads on behind what is no
 * header, and copies every content; here entries are checked before a content is touched, and contents stay where they are.
 */
import { invalidArchive, tooManyEntries } from '../../refusals.js';
import type { SourceEntry, SourceFiles, SourceLimits } from '../../source-files.js';
import { BLOCK_BYTES, isTarHeader, isZero } from './tar-header.js';
import { cutShort, TarMembers } from './tar-members.js';

/** Reads the headers of an archive. Never reads outside `tar`. See `SourceReader`. */
export function readTar(tar: Buffer, { maxEntries }: SourceLimits): SourceFiles {
  if (!isTarHeader(tar) && !isZero(tar)) {
    throw invalidArchive('The file is not a tar archive. Upload a .tar file that is not compressed.');
  }
  const members = new TarMembers();
  const contents = new Map<SourceEntry, Buffer>();
  let at = 0;
  while (at < tar.length) {
    const block = tar.subarray(at, at + BLOCK_BYTES);
    // Less than a block may only be a part of the filling.
    if (block.length < BLOCK_BYTES && !isZero(block)) throw cutShort();
    const member = members.read(block);
    at += BLOCK_BYTES;
    if (member.type === 'end') break;
    const size = member.type === 'file' ? member.entry.size : member.size;
    if (at + size > tar.length) throw cutShort();
    const content = tar.subarray(at, at + size);
    if (member.type === 'extension') {
      members.describe(content);
    } else {
      if (contents.size === maxEntries) throw tooManyEntries(maxEntries);
      contents.set(member.entry, content);
    }
    at += Math.ceil(size / BLOCK_BYTES) * BLOCK_BYTES;
  }
  members.finish();
  if (!isZero(tar.subarray(at))) {
    throw invalidArchive('The tar archive has bytes after its end. Upload it again, or make it again.');
  }
  return { entries: [...contents.keys()], read: (entry) => contents.get(entry)! };
}
