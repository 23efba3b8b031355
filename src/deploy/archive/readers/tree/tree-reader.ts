/**
 * Owns reading the format `tree`, in which the container of an install sends what npm has put together: for each file a frame
 * `u32 length, JSON {path, size, executable, type?}` and then the content; a frame of length 0 ends the tree. No client
 * sends this format.
 */
import type { GlambdarError } from '../../../../errors.js';
import { readEntryName } from '../../entry-names.js';
import { invalidArchive, tooManyEntries } from '../../refusals.js';
import type { SourceEntry, SourceFiles, SourceLimits } from '../../source-files.js';

const MAX_FRAME_BYTES = 16 * 1024;
const REGULAR = 0o100000;
/** Kinds that are no file, as the modes that `entry-rules.ts` refuses. */
const KINDS: Record<string, number> = { link: 0o120000, other: 0o010000 };

interface TreeEntry extends SourceEntry {
  /** Where the content begins. */
  start: number;
}

/** Throws INVALID_BUNDLE for bytes that are no whole tree. */
export function readTree(archive: Buffer, limits: SourceLimits): SourceFiles {
  const entries: TreeEntry[] = [];
  for (let offset = 0; ;) {
    const length = offset + 4 <= archive.length ? archive.readUInt32BE(offset) : -1;
    if (length === 0 && offset + 4 === archive.length) break;
    const start = offset + 4 + length;
    if (length < 1 || length > MAX_FRAME_BYTES || start > archive.length) throw damaged();
    const entry = readFrame(archive.subarray(offset + 4, start), start);
    offset = start + entry.size;
    if (offset > archive.length) throw damaged();
    if (entries.push(entry) > limits.maxEntries + 1) throw tooManyEntries(limits.maxEntries);
  }
  return {
    entries,
    read: (entry) => {
      const { start, size } = entry as TreeEntry;
      return archive.subarray(start, start + size);
    },
  };
}

function readFrame(json: Buffer, start: number): TreeEntry {
  let value: { path?: unknown; size?: unknown; executable?: unknown; type?: unknown } | null;
  try {
    value = JSON.parse(json.toString('utf8')) as typeof value;
  } catch (cause) {
    throw damaged(cause);
  }
  const { path, size, executable, type = 'file' } = value ?? {};
  if (typeof path !== 'string' || typeof size !== 'number' || !Number.isSafeInteger(size) || size < 0)
    throw damaged();
  const kind = typeof type === 'string' && Object.hasOwn(KINDS, type) ? KINDS[type]! : REGULAR;
  const mode = kind | (executable === true ? 0o755 : 0o644);
  return { ...readEntryName(Buffer.from(path)), mode, size, start };
}

function damaged(cause?: unknown): GlambdarError {
  const error = invalidArchive('The installed packages did not arrive whole. Deploy again.');
  if (cause !== undefined) error.cause = cause;
  return error;
}
