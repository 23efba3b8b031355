/**
 * Owns which SQLite is used: the package @photostructure/sqlite, on every version of Node. Its API is that of `node:sqlite`,
 * so the import below can become the built-in module once the oldest supported Node has a stable one (24 has).
 *
 * Peculiarities of the package (1.2.1):
 * - a text column is cut at its first NUL when read: free text is kept in BLOB columns;
 * - a text parameter ends at its first NUL, too, so `x\0y` would find the row of `x`: see `boundValue`;
 * - `close` does not end prepared statements, and SQLite keeps the files open until the garbage collector has taken the
 *   last statement. Then SQLite merges and deletes the -wal by name: a file that a writing connection had open must not be
 *   replaced by another of the same name in this process, or the new file loses its log.
 */
import { DatabaseSync } from '@photostructure/sqlite';

/** A value that can be bound to a statement. Never undefined. */
export type Value = null | number | bigint | string | Uint8Array;

/** A prepared statement, as far as it is used here. A row is an object by column name; the caller gives it its type. */
export interface Statement {
  get(...values: Value[]): unknown;
  all(...values: Value[]): unknown[];
  run(...values: Value[]): { changes: number | bigint; lastInsertRowid: number | bigint };
}

/** A connection, as far as it is used here. It throws SQLite's own errors: see `sqlite-error.ts`. */
export interface Database {
  readonly isOpen: boolean;
  readonly isTransaction: boolean;
  exec(sql: string): void;
  prepare(sql: string): Statement;
  close(): void;
}

/** Opens a connection. @param timeout milliseconds to wait for a lock of another connection */
export function connect(file: string, options: { timeout: number; readOnly?: boolean }): Database {
  const db = new DatabaseSync(file, options);
  return {
    get isOpen() {
      return db.isOpen;
    },
    get isTransaction() {
      return db.isTransaction;
    },
    exec: (sql) => db.exec(sql),
    prepare: (sql) => withWholeTexts(db.prepare(sql)),
    close: () => db.close(),
  };
}

/** The statement, whose parameters are compared and stored to their last character. */
function withWholeTexts(statement: Statement): Statement {
  return {
    get: (...values) => statement.get(...values.map(boundValue)),
    all: (...values) => statement.all(...values.map(boundValue)),
    run: (...values) => statement.run(...values.map(boundValue)),
  };
}

/**
 * A text with a NUL as bytes, which equal no text that is stored: whoever looks for it finds nothing. A STRICT text column
 * refuses them, so such a text is never stored cut.
 */
function boundValue(value: Value): Value {
  return typeof value === 'string' && value.includes('\0') ? Buffer.from(value) : value;
}
