/** Owns the table of the archive formats. A new format is one reader and one row. */
import type { SourceReader } from '../source-files.js';
import { readArchive } from './any-archive.js';
import { readTar } from './tar/tar-reader.js';
import { readZip } from './zip/zip-reader.js';

/** Readers by format. `archive` is any of the formats that people send, recognised by its bytes. */
export const SOURCE_READERS = {
  archive: readArchive,
  zip: readZip,
  tar: readTar,
} as const satisfies Record<string, SourceReader>;

/** The name of a format that can be read. */
export type SourceFormat = keyof typeof SOURCE_READERS;
