/** Owns the directory of one upload: made for it, removed when it has been used, also when the client goes away. */
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { GlambdarError } from '../../errors.js';
import { describeBytes } from '../../model/byte-size.js';

export interface UploadConfig {
  /** Absolute path; created when missing. Lies on the file system of the functions, so that publishing is a rename. */
  uploadDir: string;
  /** The largest accepted file, in bytes. */
  maxBundleBytes: number;
}

/**
 * Calls `use` with the absolute path of an empty directory. Throws what `use` throws, and DISK_FULL.
 * A directory per upload: removing it also removes a file that was only about to be opened.
 */
export async function withUploadDirectory<T>(
  { uploadDir }: UploadConfig,
  use: (directory: string) => Promise<T>,
): Promise<T> {
  await mkdir(uploadDir, { recursive: true, mode: 0o700 });
  const directory = await mkdtemp(join(uploadDir, 'upload-')).catch((error: unknown) => {
    throw uploadFault(error, '');
  });
  try {
    return await use(directory);
  } finally {
    await rm(directory, { recursive: true, force: true, maxRetries: 3 });
  }
}

/** The error of a file larger than allowed. */
export function bundleTooLarge(maxBytes: number): GlambdarError {
  return new GlambdarError(
    'BUNDLE_TOO_LARGE',
    `The bundle is larger than ${describeBytes(maxBytes)}, the limit that GLAMBDAR_MAX_ZIP_MB sets on this server.`,
  );
}

/**
 * Turns an error of receiving an upload into ours: a full disk, another error of the file system as it is (the server's
 * fault), or the client's bytes, which were cut off or are broken.
 * @param broken the sentence for the client's bytes
 */
export function uploadFault(error: unknown, broken: string): Error {
  if (error instanceof GlambdarError) return error;
  const { code } = error as NodeJS.ErrnoException;
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    return new GlambdarError('DISK_FULL', 'The disk of the server is full: the upload could not be stored.', {
      cause: error,
    });
  }
  if (code !== undefined && error instanceof Error && 'syscall' in error) return error;
  return new GlambdarError('INVALID_REQUEST', broken, { cause: error });
}
