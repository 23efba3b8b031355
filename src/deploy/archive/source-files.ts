/**
 * Owns the shape of deployed files while they are still in their archive: a reader of one format (`readers/`) makes
 * SourceFiles of the archive's bytes, and nothing that uses SourceFiles knows the format.
 */
import type { EntryName } from './entry-names.js';

/** One file or folder of an archive. */
export interface SourceEntry extends EntryName {
  /** Unix permission bits, with the bits of the file's type where the archive has them; 0 when it has neither. */
  mode: number;
  /** Bytes of the content; 0 for folders. */
  size: number;
}

/** All files and folders of one archive. The names, modes and sizes of the entries are checked by `entry-rules.ts`, not by readers. */
export interface SourceFiles {
  /** In the archive's order. */
  entries: readonly SourceEntry[];
  /**
   * The content of one of `entries`, exactly `entry.size` bytes. May be called in any order, and again.
   * Throws INVALID_BUNDLE when the content is damaged, or its size is not the declared one.
   */
  read(entry: SourceEntry): Buffer;
}

export interface SourceLimits {
  maxUnpackedBytes: number;
  /** Most files and folders, folders that are only implied by a path included. */
  maxEntries: number;
}

/**
 * Reads an archive of one format, and refuses every archive that two programs could understand differently.
 * The limits tell a reader how far to go; it may leave it to `entry-rules.ts` to refuse an archive beyond them.
 * Throws only INVALID_BUNDLE and BUNDLE_TOO_LARGE, for any bytes.
 */
export type SourceReader = (archive: Buffer, limits: SourceLimits) => SourceFiles;
