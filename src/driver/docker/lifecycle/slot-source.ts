/** Owns the check of a directory before it is mounted: Docker follows links, so one pointing at `/` would mount the host's root. */
import { lstatSync, realpathSync } from 'node:fs';
import { sep } from 'node:path';
import { DriverError } from '../../driver.js';

/**
 * Synchronous on purpose: two calls of 20 µs together, against a queue for libuv's four threads on the way of a cold start.
 * @param runRoot real path of the directory all slots are in
 * @returns the real path of the slot
 * @throws DriverError when it is missing, is a link, or lies outside
 */
export function checkedSlot(slotDir: string, runRoot: string): string {
  let real: string;
  try {
    if (!lstatSync(slotDir).isDirectory()) throw new Error('it is not a directory');
    real = realpathSync.native(slotDir);
  } catch (error) {
    throw new DriverError(
      'failed',
      `The slot of the instance cannot be mounted: ${(error as Error).message}.`,
      { cause: error },
    );
  }
  if (!real.startsWith(runRoot + sep)) {
    throw new DriverError(
      'failed',
      'The slot of the instance cannot be mounted: it is outside the run directory.',
    );
  }
  return real;
}
