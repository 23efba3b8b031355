/** Owns how both stores meet failures of the disk: making room when it is full, and saying why a database cannot be opened. */
import { StartupError } from '../../model/startup-error.js';
import { StoreError } from '../../model/store-error.js';
import { toStoreError } from './sqlite-error.js';

/** Gives up the room reserved for a full disk. True when there is room now, so that the failed operation is tried once more. */
export type MakeRoom = () => boolean;

/** Runs `body`, and once more after making room when it throws a full `StoreError`. A failed `body` must leave nothing behind. */
export function makingRoom<T>(makeRoom: MakeRoom | undefined, body: () => T): T {
  try {
    return body();
  } catch (error) {
    if (!(error instanceof StoreError) || !error.full || makeRoom?.() !== true) throw error;
    return body();
  }
}

/** Opens a database at the start of the server. Failures become a `StartupError` with a sentence about `file`. */
export function opening<T>(file: string, makeRoom: MakeRoom | undefined, open: () => T): T {
  try {
    return makingRoom(makeRoom, () => {
      try {
        return open();
      } catch (error) {
        throw error instanceof StartupError ? error : toStoreError(error, file);
      }
    });
  } catch (error) {
    if (error instanceof StartupError) throw error;
    throw new StartupError(`${file} cannot be used: ${(error as Error).message}`, { cause: error });
  }
}
