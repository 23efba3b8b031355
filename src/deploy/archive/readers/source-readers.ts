/** Owns the table of the archive formats. A new format is one reader and one row. */
import type { SourceReader } from '../source-files.js';
import { readTree } from './tree/tree-reader.js';
import { readZip } from './zip/zip-reader.js';

/** Readers by format. */
export const SOURCE_READERS = { zip: readZip, tree: readTree } as const satisfies Record<
  string,
  SourceReader
>;

/** The name of a format that can be read. */
export type SourceFormat = keyof typeof SOURCE_READERS;
