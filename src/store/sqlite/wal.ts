/**
 * Owns telling a write-ahead log that a crash left from a damaged one.
 *
 * SQLite reads a -wal up to the first frame whose checksum fails and silently ignores the rest. That is right after a crash
 * (the rest was never acknowledged), but after damage it loses deploys. With `synchronous = FULL` a commit is synced before
 * the next transaction writes its first frame, so a frame behind a commit proves that the commit, and everything before it,
 * was once complete. Damage to the very last transaction looks like a torn write and cannot be told from it.
 * Format: https://www.sqlite.org/fileformat2.html#the_write_ahead_log
 */
import { readFileSync } from 'node:fs';

const HEADER = 32;
const FRAME_HEADER = 24;

/** The damage of a log in words; undefined when the log is sound, torn by a crash, or missing. */
export function walDamage(file: string): string | undefined {
  let wal: Buffer;
  try {
    wal = readFileSync(file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  if (wal.length < HEADER) return undefined; // without a whole header, no commit went through the log
  const magic = wal.readUInt32BE(0);
  const littleEndian = magic === 0x377f0682;
  const pageSize = wal.readUInt32BE(8);
  let sum: Sum = [0, 0];
  if (littleEndian || magic === 0x377f0683) sum = checksum(wal.subarray(0, 24), littleEndian, sum);
  if ((!littleEndian && magic !== 0x377f0683) || !matches(sum, wal, 24) || !isPageSize(pageSize)) {
    return wal.every((byte) => byte === 0) ? undefined : 'its write-ahead log has no valid header';
  }

  const salts = wal.subarray(16, 24);
  const frameSize = FRAME_HEADER + pageSize;
  let sound = true;
  let commitAfterBreak = false;
  for (let at = HEADER; at + frameSize <= wal.length; at += frameSize) {
    const ofThisLog = wal.subarray(at + 8, at + 16).equals(salts); // frames from before the log's last restart have older salts
    if (sound && ofThisLog) {
      const before = checksum(wal.subarray(at, at + 8), littleEndian, sum);
      sum = checksum(wal.subarray(at + FRAME_HEADER, at + frameSize), littleEndian, before);
      sound = matches(sum, wal, at + 16);
    } else {
      sound = false;
    }
    if (sound || !ofThisLog) continue;
    if (commitAfterBreak) return 'its write-ahead log is broken before its end';
    commitAfterBreak = wal.readUInt32BE(at + 4) !== 0; // size of the database after a commit; 0 in other frames
  }
  return undefined;
}

type Sum = [number, number];

function checksum(bytes: Buffer, littleEndian: boolean, [first, second]: Sum): Sum {
  const word = littleEndian ? (at: number) => bytes.readUInt32LE(at) : (at: number) => bytes.readUInt32BE(at);
  let s0 = first;
  let s1 = second;
  for (let at = 0; at < bytes.length; at += 8) {
    s0 = (s0 + word(at) + s1) >>> 0;
    s1 = (s1 + word(at + 4) + s0) >>> 0;
  }
  return [s0, s1];
}

function matches(sum: Sum, wal: Buffer, at: number): boolean {
  return wal.readUInt32BE(at) === sum[0] && wal.readUInt32BE(at + 4) === sum[1];
}

function isPageSize(size: number): boolean {
  return size >= 512 && size <= 65_536 && (size & (size - 1)) === 0;
}
