/** Owns what a backup holds: the parts of a data directory that cannot be made again, and the note that comes first. */
import { KEY_FILE } from '../data/key-file.js';
import { TOKEN_SECRET_FILE } from '../data/secret-file.js';

/** The note, the first entry of the archive: JSON of `BackupNote`. */
export const NOTE = 'glambdar-backup.json';

/** Grows when an older release could not restore what a newer one wrote. */
export const FORMAT = 1;

export interface BackupNote {
  format: number;
  /** ISO 8601. */
  madeAt: string;
  functions: number;
}

/** Files with rows; a copy is made while the server writes. */
export const DATABASES = ['glambdar.db', 'invocations.db'] as const;

/** Secrets of the server itself: without them sealed values cannot be opened, and nobody stays signed in. A directory may have none. */
export const KEY_FILES = [KEY_FILE, TOKEN_SECRET_FILE] as const;

/** The code, as `data/function-layout.ts` lays it out. */
export const CODE = 'functions';
