/**
 * Owns the shape of deployed files while they are still in their archive: a reader of one format (`readers/`) makes
 * SourceFiles of the archive's bytes, and nothing that uses SourceFiles knows the format.
 */
import type { EntryName } from './entry-names.js';

/** One file or folder of an archive. */
export interface SourceEntry extends EntryName {
  /** Unix permission bits, with the bits of the file's type where the archive tells them; 0 when it tells neither. */
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
   * Throws INVALID_BUNDLE when the archive is damaged there, or lied about the size.
   */
  read(entry: SourceEntry): Buffer;
}

export interface SourceLimits {
  maxUnpackedBytes: number;
  /** Files and folders, folders that are only implied by a path included. */
  maxEntries: number;
}

/**
 * Reads an archive of one format, and refuses every archive that two programs could understand differently.
 * The limits tell a reader how far to go; it may leave it to `entry-rules.ts` to refuse an archive beyond them.
 * Throws INVALID_BUNDLE, BUNDLE_TOO_LARGE; nothing else, whatever the bytes are.
 */
export type SourceReader = (archive: Buffer, limits: SourceLimits) => SourceFiles;
