/**
 * Owns which SQLite is used, how a database is opened, and what SQLite's errors mean. Nothing else in the server knows.
 *
 * `node:sqlite` is used where Node ships it without calling it experimental (24), the package @photostructure/sqlite
 * elsewhere: 20 has no SQLite, 22 prints a warning on every start. Both have the same API, but with the package (1.2.1)
 * - a text column is cut at its first NUL when read: free text is kept in BLOB columns;
 * - `close` does not end prepared statements, and SQLite keeps the files open until the garbage collector has taken the
 *   last one. Then it merges and deletes the -wal by name: a file that a writing connection had open must not be replaced
 *   by another of the same name in this process, or that one loses its log.
 */
import { closeSync, openSync, statfsSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import { StoreError } from '../store.js';

/** What can be bound. Never undefined. */
export type Value = null | number | bigint | string | Uint8Array;

/** A prepared statement, as far as it is used here. A row is an object by column name: the caller says which. */
export interface Statement {
  get(...values: Value[]): unknown;
  all(...values: Value[]): unknown[];
  run(...values: Value[]): { changes: number | bigint; lastInsertRowid: number | bigint };
}

/** A connection, as far as it is used here. It throws SQLite's errors: see `isDamage` and `toStoreError`. */
export interface Database {
  readonly isOpen: boolean;
  readonly isTransaction: boolean;
  exec(sql: string): void;
  prepare(sql: string): Statement;
  close(): void;
}

interface SqliteModule {
  DatabaseSync: new (file: string, options: { timeout: number; readOnly?: boolean }) => Database;
}

const BUSY_TIMEOUT_MS = 5000;

let loaded: { module: SqliteModule; name: string } | undefined;

function load(): { module: SqliteModule; name: string } {
  if (loaded === undefined) {
    const builtin = silentBuiltin();
    loaded =
      builtin === undefined
        ? {
            module: createRequire(import.meta.url)('@photostructure/sqlite') as SqliteModule,
            name: '@photostructure/sqlite',
          }
        : { module: builtin, name: 'node:sqlite' };
  }
  return loaded;
}

/** The built-in if loading it raises no ExperimentalWarning. Asking is exact; which 24.x fell silent is not written down anywhere. */
function silentBuiltin(): SqliteModule | undefined {
  // eslint-disable-next-line @typescript-eslint/unbound-method -- it is put back where it was
  const { emitWarning } = process;
  let warned = false;
  process.emitWarning = () => {
    warned = true;
  };
  try {
    const module = process.getBuiltinModule('node:sqlite') as SqliteModule | undefined;
    return warned ? undefined : module;
  } finally {
    process.emitWarning = emitWarning;
  }
}

/** Name of the implementation in use, for the log: `node:sqlite` or `@photostructure/sqlite`. */
export function sqliteImplementation(): string {
  return load().name;
}

/**
 * Opens a database of ours, creating it readable by the owner only (settings hold secrets; -wal and -shm inherit the mode).
 * @param synchronous FULL: a commit is on the medium when it returns. NORMAL: it survives our crash, not power loss.
 * @param walLimitBytes the -wal file is cut back to this after a checkpoint
 */
export function openDatabase(file: string, synchronous: 'FULL' | 'NORMAL', walLimitBytes: number): Database {
  createPrivately(file);
  const db = new (load().module.DatabaseSync)(file, { timeout: BUSY_TIMEOUT_MS });
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
 * Opens an existing database for reading. Its connection may outlive `close`, but never merges or deletes a -wal: that takes
 * a write lock, which a file opened for reading cannot get.
 */
export function openReadOnly(file: string): Database {
  return new (load().module.DatabaseSync)(file, { timeout: BUSY_TIMEOUT_MS, readOnly: true });
}

/** Moves the content of the -wal into the database, and empties it. Not possible (full disk, a reader) is no error. */
export function emptyLog(db: Database): void {
  try {
    db.exec('PRAGMA busy_timeout = 100'); // somebody who reads is not worth waiting for
    db.exec('PRAGMA wal_checkpoint(TRUNCATE)');
  } catch {
    // the log stays, and is read at the next start
  } finally {
    db.exec(`PRAGMA busy_timeout = ${BUSY_TIMEOUT_MS}`);
  }
}

/**
 * Takes an exclusive lock on a file that the kernel gives back when this process ends, however it ends.
 * Undefined when another process (or this one) holds it. Writes only the first time, so that it works on a full disk.
 */
export function lockFile(file: string): Database | undefined {
  createPrivately(file);
  const db = new (load().module.DatabaseSync)(file, { timeout: 0 });
  try {
    // In an empty file the lock would begin with a first page and a journal for it, every time.
    if (statSync(file).size === 0) db.exec('PRAGMA user_version = 1');
    db.exec('BEGIN EXCLUSIVE');
    return db;
  } catch (error) {
    db.close();
    if (isBusy(error)) return undefined;
    throw error;
  }
}

function createPrivately(file: string): void {
  try {
    closeSync(openSync(file, 'wx', 0o600));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
}

/** Runs `body` in one write transaction; rolls back when it throws. */
export function transaction<T>(db: Database, body: () => T): T {
  db.exec('BEGIN IMMEDIATE'); // a deferred one that turns into a writer later is refused without waiting
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

const FULL = 13;
const IOERR = 10;

/** SQLite's own sentences: the package's `all` throws without an `errcode`. */
const codeByMessage = new Map([
  ['database is locked', 5],
  ['attempt to write a readonly database', 8],
  ['disk I/O error', IOERR],
  ['database disk image is malformed', 11],
  ['database or disk is full', FULL],
  ['unable to open database file', 14],
  ['file is not a database', 26],
]);

function primaryCode(error: unknown): number | undefined {
  const { code, errcode, message } = (error ?? {}) as { code?: unknown; errcode?: unknown; message?: string };
  if (code !== 'ERR_SQLITE_ERROR') return undefined;
  return typeof errcode === 'number' ? errcode & 0xff : codeByMessage.get(message ?? '');
}

/** The file is not a sound database: malformed (11) or not a database (26). Never an I/O error: those may pass. */
export function isDamage(error: unknown): boolean {
  const code = primaryCode(error);
  return code === 11 || code === 26;
}

/** A constraint refused the row (19). */
export function isConstraint(error: unknown): boolean {
  return primaryCode(error) === 19;
}

function isBusy(error: unknown): boolean {
  const code = primaryCode(error);
  return code === 5 || code === 6;
}

/** The error as the store's own, in words that name no path, SQL or library. @param file the database it happened on */
export function toStoreError(error: unknown, file: string): StoreError {
  if (error instanceof StoreError) return error;
  const code = primaryCode(error);
  // Growing the shared-memory index on a full disk is reported as an I/O error, not as "full".
  const full =
    code === FULL || fullErrnos.includes(errno(error)) || (code === IOERR && diskIsFull(dirname(file)));
  return new StoreError(full ? 'The disk is full.' : sentence(code ?? errno(error)), { full, cause: error });
}

const fullErrnos: unknown[] = ['ENOSPC', 'EDQUOT'];

function errno(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException | undefined)?.code;
}

function sentence(code: number | string | undefined): string {
  switch (code) {
    case 5:
    case 6:
      return 'The database is locked by another program.';
    case 8:
    case 'EROFS':
      return 'The data directory cannot be written: it is read-only.';
    case IOERR:
      return 'The disk failed to read or write.';
    case 11:
    case 26:
      return 'The database is damaged; restart the server to repair it.';
    case 14:
    case 'EACCES':
    case 'EPERM':
      return 'The database file cannot be opened.';
    case 'ERR_INVALID_STATE':
      return 'The store is closed.';
    default:
      return 'The database refused the operation.';
  }
}

function diskIsFull(directory: string): boolean {
  try {
    const { bavail, bsize, files, ffree } = statfsSync(directory);
    return bavail * bsize < 1024 * 1024 || (files > 0 && ffree === 0);
  } catch {
    return false;
  }
}
