/** Owns the error of a store whose medium failed. */

/** `full` tells a full disk from all other failures. The message names no path, no SQL and no library. */
export class StoreError extends Error {
  readonly full: boolean;
  constructor(message: string, options: { full: boolean; cause?: unknown }) {
    super(message, { cause: options.cause });
    this.name = 'StoreError';
    this.full = options.full;
  }
}
