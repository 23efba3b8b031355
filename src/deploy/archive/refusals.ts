/** Owns the errors with which archives of any format are refused: each names the fault and the remedy. */
import { GlambdarError } from '../../errors.js';
import { describeBytes } from '../../model/byte-size.js';
import { printable } from '../../model/printable.js';

/** An INVALID_BUNDLE about the whole archive. @param message a sentence about the fault, and an advice */
export function invalidArchive(message: string): GlambdarError {
  return new GlambdarError('INVALID_BUNDLE', message);
}

/** An INVALID_BUNDLE about one entry: `The entry "…" <fault>.` and an advice. */
export function invalidEntry(name: string | Buffer, whatAndAdvice: string, cause?: unknown): GlambdarError {
  const message = `The entry ${printable(name.toString())} ${whatAndAdvice}`;
  return new GlambdarError('INVALID_BUNDLE', message, { cause });
}

/** An INVALID_BUNDLE that says how many files and folders are allowed. */
export function tooManyEntries(maxEntries: number): GlambdarError {
  return invalidArchive(
    `The archive has too many files and folders; ${maxEntries} are allowed. Leave out what the function does not need, or raise GLAMBDAR_MAX_ENTRIES on the server.`,
  );
}

/** A BUNDLE_TOO_LARGE about the archive itself. */
export function archiveTooLarge(sizeBytes: number, maxArchiveBytes: number): GlambdarError {
  const message = `The archive has ${sizeBytes} bytes; ${describeBytes(maxArchiveBytes)} are allowed. Leave out what the function does not need, or raise GLAMBDAR_MAX_ZIP_MB on the server.`;
  return new GlambdarError('BUNDLE_TOO_LARGE', message);
}

/** A BUNDLE_TOO_LARGE about the size of all files once unpacked. */
export function unpackedTooLarge(maxUnpackedBytes: number): GlambdarError {
  const message = `The archive unpacks to more than ${describeBytes(maxUnpackedBytes)}. Leave out what the function does not need, or raise GLAMBDAR_MAX_UNPACKED_MB on the server.`;
  return new GlambdarError('BUNDLE_TOO_LARGE', message);
}
