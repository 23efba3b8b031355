/** Owns the error for clients when the server's disk is full or read-only. */
import { GlambdarError } from '../errors.js';
import { StoreError } from '../model/store-error.js';

const DISK_SENTENCES = new Map([
  ['ENOSPC', "The server's disk is full. Delete functions, or ask whoever runs the server for space."],
  [
    'EDQUOT',
    "The server's disk quota is used up. Delete functions, or ask whoever runs the server for space.",
  ],
  ['EROFS', "The server's disk cannot be written to. Ask whoever runs the server."],
]);

/** DISK_FULL with a sentence if the disk is full or read-only, by an error of the file system or store; else the error as it is. */
export function namedDiskError(error: unknown): unknown {
  const full = error instanceof StoreError && error.full;
  const sentence = DISK_SENTENCES.get(
    full ? 'ENOSPC' : ((error as NodeJS.ErrnoException | null)?.code ?? ''),
  );
  return sentence === undefined ? error : new GlambdarError('DISK_FULL', sentence, { cause: error });
}
