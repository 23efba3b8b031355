/** Owns the schemas of both databases and the way from any older one to the newest. */
import { basename } from 'node:path';
import { transaction, type Database } from './sqlite.js';
import { StartupError } from '../../model/startup-error.js';

/**
 * Steps of `glambdar.db`; the n-th brings a database to `user_version` n. Released steps are never edited: add one.
 * Settings are JSON text, so a new setting needs no step. The deferred key makes "the active version exists" a rule of the data.
 */
export const deploymentMigrations: readonly string[] = [
  `
  CREATE TABLE functions (
    name TEXT PRIMARY KEY,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    active_version INTEGER NOT NULL,
    settings TEXT NOT NULL CHECK (json_valid(settings)),
    FOREIGN KEY (name, active_version) REFERENCES versions (name, version) DEFERRABLE INITIALLY DEFERRED
  ) STRICT;
  CREATE TABLE versions (
    name TEXT NOT NULL REFERENCES functions (name) ON DELETE CASCADE,
    version INTEGER NOT NULL,
    digest TEXT NOT NULL,
    size_bytes INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (name, version)
  ) STRICT;
  `,
];

/**
 * Steps of `invocations.db`.
 * - `callees`: a function during one life, told apart from a later one of the same name by the time it was created.
 *   `last_n` numbers its records, so that pruning is a range of an index and never a count.
 * - `texts`: what is long, apart from the rows that lists walk over. Triggers keep `usage` true, cascades included.
 */
export const invocationMigrations: readonly string[] = [
  `
  CREATE TABLE callees (
    callee INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    last_n INTEGER NOT NULL DEFAULT 0,
    invoke_count INTEGER,
    error_count INTEGER,
    last_invoked_at INTEGER,
    UNIQUE (name, created_at)
  ) STRICT;
  CREATE TABLE invocations (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    callee INTEGER NOT NULL REFERENCES callees (callee) ON DELETE CASCADE,
    n INTEGER NOT NULL,
    id TEXT NOT NULL UNIQUE,
    version INTEGER NOT NULL,
    invoked_at INTEGER NOT NULL,
    status INTEGER NOT NULL,
    outcome TEXT NOT NULL,
    start TEXT,
    duration_ms REAL NOT NULL,
    queue_ms REAL NOT NULL,
    start_ms REAL NOT NULL,
    load_ms REAL NOT NULL,
    run_ms REAL NOT NULL,
    peak_memory_mb REAL,
    error_code TEXT,
    error_message BLOB,
    stdout_bytes INTEGER NOT NULL,
    stderr_bytes INTEGER NOT NULL,
    UNIQUE (callee, n)
  ) STRICT;
  CREATE TABLE texts (
    seq INTEGER PRIMARY KEY REFERENCES invocations (seq) ON DELETE CASCADE,
    bytes INTEGER NOT NULL,
    stdout BLOB NOT NULL,
    stderr BLOB NOT NULL,
    error_message BLOB,
    error_stack BLOB
  ) STRICT;
  CREATE TABLE usage (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    text_bytes INTEGER NOT NULL,
    checked_at INTEGER NOT NULL
  ) STRICT;
  INSERT INTO usage VALUES (1, 0, 0);
  CREATE TRIGGER texts_added AFTER INSERT ON texts BEGIN
    UPDATE usage SET text_bytes = text_bytes + NEW.bytes;
  END;
  CREATE TRIGGER texts_removed AFTER DELETE ON texts BEGIN
    UPDATE usage SET text_bytes = text_bytes - OLD.bytes;
  END;
  `,
];

/** The schema version of a database; 0 when it is new. Reads the header only. */
export function schemaVersion(db: Database): number {
  return (db.prepare('PRAGMA user_version').get() as { user_version: number }).user_version;
}

/** Throws `StartupError` when the database was written by a newer release than this one. */
export function refuseNewer(db: Database, migrations: readonly string[], file: string): void {
  const version = schemaVersion(db);
  if (version <= migrations.length) return;
  throw new StartupError(
    `${basename(file)} was written by a newer Glambdar (schema ${version}, this release knows up to ${migrations.length}); ` +
      'start that release again, or choose another GLAMBDAR_DIR.',
  );
}

/**
 * Brings a database to the newest schema, each step in a transaction of its own: a step that fails leaves the one before.
 * A new database gets all steps and what `fill` writes in one transaction, so it exists with its content or not at all.
 */
export function migrate(db: Database, migrations: readonly string[], fill: () => void = () => {}): void {
  const from = schemaVersion(db);
  if (from === 0) {
    transaction(db, () => {
      for (const step of migrations) db.exec(step);
      fill();
      db.exec(`PRAGMA user_version = ${migrations.length}`);
    });
    return;
  }
  for (const [index, step] of migrations.entries()) {
    if (index < from) continue;
    transaction(db, () => {
      db.exec(step);
      db.exec(`PRAGMA user_version = ${index + 1}`);
    });
  }
}
