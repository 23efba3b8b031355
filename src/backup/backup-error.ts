/** Owns the error of a backup or a restore that cannot be made, and what is said of files that cannot be used. */
import { existsSync } from 'node:fs';
import { dirname } from 'node:path';

/** Its message is one sentence for the operator: the fault and the remedy. */
export class BackupError extends Error {
  constructor(message: string, options: { cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'BackupError';
  }
}

/** What is wrong with a file or folder that the operator has named, by the code of the file system's error. */
const FAULTS: Readonly<Record<string, (path: string) => string>> = {
  ENOENT: (path) =>
    existsSync(dirname(path)) ? `There is no file ${path}.` : `There is no folder ${dirname(path)}.`,
  ENOTDIR: (path) => `There is no folder ${dirname(path)}.`,
  EISDIR: (path) => `${path} is a folder; name a file.`,
  EACCES: (path) => `${path} may not be used by this user; name another one, or use sudo.`,
  EPERM: (path) => `${path} may not be used by this user; name another one, or use sudo.`,
  EROFS: (path) => `${path} lies on a file system that is read-only; name another one.`,
  ENOSPC: (path) => `There is no space left for ${path}.`,
};

/** The sentence about an error that a file of the operator's caused; null for any other error. */
export function fileFault(error: unknown): string | null {
  const { code, path } = error as NodeJS.ErrnoException;
  // A backup is written under another name until it is whole.
  return path === undefined ? null : (FAULTS[code ?? '']?.(path.replace(/\.part$/, '')) ?? null);
}
