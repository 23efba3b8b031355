/**
 * Owns reading zip archives. Every archive that two programs could understand differently is refused, so an archive that
 * passes has the same meaning for every program.
 *
 *   local header | name | extra | data [descriptor]   …one per entry, from byte 0   local-header.ts
 *   central header | name | extra | comment           …one per entry, together      central-header.ts
 *   end record | comment                              …up to the last byte          end-record.ts
 */
import { invalidArchive } from '../../refusals.js';
import type { SourceFiles, SourceLimits } from '../../source-files.js';
import { readCentralHeader, type ZipEntry } from './central-header.js';
import { readContent } from './content.js';
import { readEndRecord } from './end-record.js';
import { checkLocalHeaders, compressedContent } from './local-header.js';

/** Reads the directory of an archive, without inflating its entries. Never reads outside `zip`. See `SourceReader`. */
export function readZip(zip: Buffer, { maxEntries }: SourceLimits): SourceFiles {
  const { count, directoryStart, end } = readEndRecord(zip, maxEntries);

  const entries: ZipEntry[] = [];
  let position = directoryStart;
  while (entries.length < count) {
    const { entry, next } = readCentralHeader(zip, position, end);
    entries.push(entry);
    position = next;
  }
  if (position !== end) {
    throw invalidArchive('The archive says that it has fewer entries than it has. Make it again.');
  }

  checkLocalHeaders(zip, entries, directoryStart);
  return { entries, read: (entry: ZipEntry) => readContent(entry, compressedContent(zip, entry)) };
}
