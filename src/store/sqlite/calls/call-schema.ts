/** Owns the schema of `invocations.db`, and the way from any older one to the newest. */
import { functionIdOfEarlierRelease } from '../../../model/function/id.js';
import type { Migration } from '../migrate.js';

/**
 * The n-th step brings a database to `user_version` n. Released steps are never edited: add one.
 * - `callees`: one row for each function that was called. `last_n` is the number of its newest record, so that pruning
 *   deletes a range of an index and counts no rows.
 * - `texts`: the long parts, apart from the rows that lists walk over. Triggers keep `usage` correct, also for cascades.
 */
export const callMigrations: readonly Migration[] = [
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
  (db) => {
    db.exec(`
      ALTER TABLE invocations ADD COLUMN func_name TEXT NOT NULL DEFAULT '';
      UPDATE invocations SET func_name = (SELECT name FROM callees c WHERE c.callee = invocations.callee);
    `);
    const callees = db.prepare('SELECT * FROM callees').all() as CalleeRowOfSchema1[];
    db.exec(`
      DROP TABLE callees;
      CREATE TABLE callees (
        callee INTEGER PRIMARY KEY,
        function_id TEXT NOT NULL UNIQUE,
        last_n INTEGER NOT NULL DEFAULT 0,
        invoke_count INTEGER,
        error_count INTEGER,
        last_invoked_at INTEGER
      ) STRICT;
    `);
    const put = db.prepare('INSERT INTO callees VALUES (?, ?, ?, ?, ?, ?)');
    for (const { callee, name, created_at, last_n, ...row } of callees) {
      const id = functionIdOfEarlierRelease(name, created_at);
      put.run(callee, id, last_n, row.invoke_count, row.error_count, row.last_invoked_at);
    }
  },
  'ALTER TABLE invocations ADD COLUMN method TEXT; ALTER TABLE invocations ADD COLUMN path TEXT;',
];

interface CalleeRowOfSchema1 {
  callee: number;
  name: string;
  created_at: number;
  last_n: number;
  invoke_count: number | null;
  error_count: number | null;
  last_invoked_at: number | null;
}
