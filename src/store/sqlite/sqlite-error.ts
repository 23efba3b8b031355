/** Owns the meaning of SQLite's errors, and the store's own errors for them. */
import { statfsSync } from 'node:fs';
import { dirname } from 'node:path';
import { StoreError } from '../../model/store-error.js';

const BUSY = 5;
const LOCKED = 6;
const READ_ONLY = 8;
const IO_ERROR = 10;
const MALFORMED = 11;
const FULL = 13;
const CANNOT_OPEN = 14;
const CONSTRAINT = 19;
const NOT_A_DATABASE = 26;

/** Result codes by SQLite's messages, for the package's `all`, which throws without an `errcode`. */
const codeByMessage = new Map([
  ['database is locked', BUSY],
  ['attempt to write a readonly database', READ_ONLY],
  ['disk I/O error', IO_ERROR],
  ['database disk image is malformed', MALFORMED],
  ['database or disk is full', FULL],
  ['unable to open database file', CANNOT_OPEN],
  ['file is not a database', NOT_A_DATABASE],
]);

/** SQLite's primary result code; undefined when the error is not SQLite's. */
function primaryCode(error: unknown): number | undefined {
  const { code, errcode, message } = (error ?? {}) as { code?: unknown; errcode?: unknown; message?: string };
  if (code !== 'ERR_SQLITE_ERROR') return undefined;
  return typeof errcode === 'number' ? errcode & 0xff : codeByMessage.get(message ?? '');
}

/** Whether the error says that the file is not a sound database. I/O errors do not count: they may be temporary. */
export function isDamage(error: unknown): boolean {
  const code = primaryCode(error);
  return code === MALFORMED || code === NOT_A_DATABASE;
}

/** Whether a constraint refused the row. */
export function isConstraint(error: unknown): boolean {
  return primaryCode(error) === CONSTRAINT;
}

/** Whether another connection holds the requested lock. */
export function isBusy(error: unknown): boolean {
  const code = primaryCode(error);
  return code === BUSY || code === LOCKED;
}

/** Any error → a `StoreError` whose message names no path, SQL or library. @param file the database that failed */
export function toStoreError(error: unknown, file: string): StoreError {
  if (error instanceof StoreError) return error;
  const code = primaryCode(error);
  // Growing the shared-memory index on a full disk is reported as an I/O error, not as "full".
  const full =
    code === FULL || fullErrnos.includes(errno(error)) || (code === IO_ERROR && diskIsFull(dirname(file)));
  return new StoreError(full ? 'The disk is full.' : sentence(code ?? errno(error)), { full, cause: error });
}

const fullErrnos: unknown[] = ['ENOSPC', 'EDQUOT'];

function errno(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException | undefined)?.code;
}

function sentence(code: number | string | undefined): string {
  switch (code) {
    case BUSY:
    case LOCKED:
      return 'The database is locked by another program.';
    case READ_ONLY:
    case 'EROFS':
      return 'The data directory cannot be written: it is read-only.';
    case IO_ERROR:
      return 'The disk failed to read or write.';
    case MALFORMED:
    case NOT_A_DATABASE:
      return 'The database is damaged; restart the server to repair it.';
    case CANNOT_OPEN:
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
