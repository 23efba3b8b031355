/** Owns write transactions: several changes of a database are made together or not at all. */
import type { Database } from './binding.js';

/** Runs `body` in one write transaction; rolls back when it throws. */
export function transaction<T>(db: Database, body: () => T): T {
  db.exec('BEGIN IMMEDIATE'); // a deferred transaction that turns into a writer later is refused without waiting
  try {
    const result = body();
    db.exec('COMMIT');
    return result;
  } catch (error) {
    try {
      if (db.isTransaction) db.exec('ROLLBACK');
    } catch {
      // SQLite rolls back by itself after some failures; the first error is the one to report
    }
    throw error;
  }
}
