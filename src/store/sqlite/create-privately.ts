/** Owns making the file of a database before SQLite does, so that only its owner can read it. */
import { closeSync, openSync } from 'node:fs';

/** Makes an empty file of mode 0600; leaves an existing file as it is. Throws the file system's errors. */
export function createPrivately(file: string): void {
  try {
    closeSync(openSync(file, 'wx', 0o600));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
}
