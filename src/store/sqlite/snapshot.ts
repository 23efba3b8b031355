/** Owns copying a database that another process writes to meanwhile. */
import { toStoreError } from './sqlite-error.js';
import { openReadOnly } from './open-database.js';

/**
 * Writes the database as it is at this moment to a new file, without its log; whoever writes to it need not wait.
 * Throws `StoreError`. @param target absolute path of a file that does not exist
 */
export function snapshot(file: string, target: string): void {
  try {
    const database = openReadOnly(file);
    try {
      database.prepare('VACUUM INTO ?').run(target);
    } finally {
      database.close();
    }
  } catch (error) {
    throw toStoreError(error, file);
  }
}
