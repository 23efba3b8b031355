/** Owns reading a small text file at the root of a bundle while the bundle is still in its archive. */
import type { PlannedFile } from './bundle-plan.js';
import { invalidEntry } from './refusals.js';
import type { SourceFiles } from './source-files.js';

const MAX_BYTES = 64 * 1024;

/**
 * The text of a file, without a byte order mark; undefined when the bundle has no such file.
 * Throws INVALID_BUNDLE for a file of more than 64 KiB, and one that is not UTF-8.
 * @param path the file's name, at the bundle's root
 * @param kind what the file should be, for the error, e.g. "JSON"
 */
export function readRootText(
  path: string,
  kind: string,
  files: readonly PlannedFile[],
  source: SourceFiles,
): string | undefined {
  const file = files.find((candidate) => candidate.path === path);
  if (file === undefined) return undefined;
  if (file.entry.size > MAX_BYTES) {
    throw invalidEntry(path, `has ${file.entry.size} bytes; ${MAX_BYTES} are allowed. Shorten it.`);
  }
  try {
    // The decoder drops a byte order mark, which editors on Windows write.
    return new TextDecoder('utf-8', { fatal: true }).decode(source.read(file.entry));
  } catch (cause) {
    if (!(cause instanceof TypeError)) throw cause;
    throw invalidEntry(
      path,
      `is not valid ${kind}: it is not UTF-8. Save it as UTF-8, or leave it out.`,
      cause,
    );
  }
}
