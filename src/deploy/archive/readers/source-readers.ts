/** Owns the table of the archive formats. A new format is one reader and one row. */
import type { SourceReader } from '../source-files.js';
import { readArchive } from './any-archive.js';
import { readTar } from './tar/tar-reader.js';
import { readTree } from './tree/tree-reader.js';
import { readZip } from './zip/zip-reader.js';

/**
 * Readers by format. `archive` is any of the formats that people send, recognised by its bytes; `tree` is what an install
 * sends back.
 */
export const SOURCE_READERS = {
  archive: readArchive,
  zip: readZip,
  tar: readTar,
  tree: readTree,
} as const satisfies Record<string, SourceReader>;

/** The name of a format that can be read. */
export type SourceFormat = keyof typeof SOURCE_READERS;
