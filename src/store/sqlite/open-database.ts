/** Owns opening a database, and emptying its write-ahead log. */
import { connect, type Database } from './binding.js';
import { createPrivately } from './create-privately.js';

const BUSY_TIMEOUT_MS = 5000;

/**
 * Opens a database, creating it readable by the owner only (settings hold secrets; -wal and -shm inherit the mode).
 * @param synchronous FULL: a commit is on the medium when it returns. NORMAL: a commit survives our crash, not power loss.
 * @param walLimitBytes size to which the -wal file is cut back after a checkpoint
 */
export function openDatabase(file: string, synchronous: 'FULL' | 'NORMAL', walLimitBytes: number): Database {
  createPrivately(file);
  const db = connect(file, { timeout: BUSY_TIMEOUT_MS });
  try {
    db.exec(`
      PRAGMA journal_mode = WAL;
      PRAGMA synchronous = ${synchronous};
      PRAGMA foreign_keys = ON;
      PRAGMA trusted_schema = OFF;
      PRAGMA journal_size_limit = ${walLimitBytes};
    `);
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}

/**
 * Opens an existing database for reading. The connection may outlive `close`, but never merges or deletes a -wal: that needs
 * a write lock, which a file opened for reading cannot get.
 */
export function openReadOnly(file: string): Database {
  return connect(file, { timeout: BUSY_TIMEOUT_MS, readOnly: true });
}

/** Moves the content of the -wal into the database, and empties the -wal. Does nothing when a full disk or a reader prevents it. */
export function emptyLog(db: Database): void {
  try {
    db.exec('PRAGMA busy_timeout = 100'); // a reader is not worth a longer wait
    db.exec('PRAGMA wal_checkpoint(TRUNCATE)');
  } catch {
    // the log stays, and is read at the next start
  } finally {
    db.exec(`PRAGMA busy_timeout = ${BUSY_TIMEOUT_MS}`);
  }
}
