/** Owns a lock between processes: SQLite's exclusive lock on a file made for this purpose. */
import { statSync, truncateSync } from 'node:fs';
import { connect, type Database } from './binding.js';
import { createPrivately } from './create-privately.js';
import { isBusy, isDamage } from './sqlite-error.js';

/** The connections that hold locks. One that nothing refers to would be closed by the garbage collector, and its lock lost. */
const held = new Set<Database>();

/** A lock that is held. */
export interface FileLock {
  /** Gives the lock back. May be called twice. */
  release(): void;
}

/**
 * Takes an exclusive lock on a file; the kernel releases the lock when this process ends, however it ends. Undefined when
 * another process (or this one) holds the lock. Writes to the file only the first time, so that it works on a full disk.
 */
export function lockFile(file: string): FileLock | undefined {
  createPrivately(file);
  let db: Database | undefined;
  try {
    db = locked(file);
  } catch (error) {
    if (!isDamage(error)) throw error;
    // Another program wrote into the file. It holds no data, and nobody has it locked: SQLite would have reported the lock
    // before reading the first page. The file is emptied in place, because a new file would have locks of its own.
    truncateSync(file);
    db = locked(file);
  }
  if (db === undefined) return undefined;
  const holder = db;
  held.add(holder);
  return {
    release() {
      if (held.delete(holder)) holder.close();
    },
  };
}

function locked(file: string): Database | undefined {
  const db = connect(file, { timeout: 0 });
  try {
    // Locking an empty file would write a first page and a journal for it every time.
    if (statSync(file).size === 0) db.exec('PRAGMA user_version = 1');
    db.exec('BEGIN EXCLUSIVE');
    return db;
  } catch (error) {
    db.close();
    if (isBusy(error)) return undefined;
    throw error;
  }
}
