/** Owns what can happen to the file of a database. */
import { closeSync, openSync, readFileSync, statSync, truncateSync, writeFileSync, writeSync } from 'node:fs';

/** Overwrites a part of a file. */
export function patch(file: string, at: number, bytes: Buffer): void {
  const descriptor = openSync(file, 'r+');
  writeSync(descriptor, bytes, 0, bytes.length, at);
  closeSync(descriptor);
}

/** Each leaves the file unusable, in part or as a whole. */
export const damages: Record<string, (file: string) => void> = {
  'truncated to half': (file) => truncateSync(file, statSync(file).size / 2),
  'truncated to its first page': (file) => truncateSync(file, 4096),
  'truncated in the middle of a page': (file) => truncateSync(file, statSync(file).size - 1_000),
  '4 KiB of zeros in the middle': (file) => patch(file, 4096 * 8, Buffer.alloc(4096)),
  'zeros over its first page': (file) => patch(file, 0, Buffer.alloc(4096)),
  'not a database': (file) => writeFileSync(file, 'this is not a database at all, but a text'.repeat(100)),
  'settings that are no JSON any more': (file) => {
    const content = readFileSync(file); // every occurrence: some are what moved rows left behind
    for (let at = content.indexOf('"memoryMb"'); at >= 0; at = content.indexOf('"memoryMb"', at + 1)) {
      patch(file, at, Buffer.from('\0\0\0\0'));
    }
  },
};
