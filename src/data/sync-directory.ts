/** Owns making the entries of a directory durable. */
import { closeSync, fsyncSync, openSync } from 'node:fs';

/** Makes added, renamed and removed names in a directory survive a power loss. Throws the file system's errors. */
export function syncDirectory(directory: string): void {
  const descriptor = openSync(directory, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
