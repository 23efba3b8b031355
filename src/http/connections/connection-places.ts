/**
 * Owns how many client connections all listeners together may have: each connection takes a file descriptor, and Docker and
 * SQLite need some, too.
 */

/** The places of one listener. */
export interface ConnectionPlaces {
  /** Whether there was a place; the caller gives it back when its connection has closed. */
  take(): boolean;
  give(): void;
}

/** At most an eighth, and no more than this many places, are held back from the listener for functions. */
const MOST_RESERVED = 64;

/**
 * Places of the listener of the control API and of the one for functions. The latter leaves some free, so that a crowd of
 * visitors, or of idle connections, cannot lock the operator out.
 */
export function sharedPlaces(most: number): { control: ConnectionPlaces; functions: ConnectionPlaces } {
  const reserved = Math.min(MOST_RESERVED, Math.ceil(most / 8));
  let taken = 0;
  const upTo = (limit: number): ConnectionPlaces => ({
    take() {
      if (taken >= limit) return false;
      taken += 1;
      return true;
    },
    give() {
      taken -= 1;
    },
  });
  return { control: upTo(most), functions: upTo(most - reserved) };
}
