/** Owns what an operator is told of a file or folder that cannot be used. */
import { existsSync } from 'node:fs';
import { dirname } from 'node:path';

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

/** The sentence about an error of the file system, with the file's path in it; null for any other error. */
export function fileFault(error: unknown): string | null {
  const { code, path } = error as NodeJS.ErrnoException;
  // Until a backup is whole, it is written under its name with this ending: `make-backup.ts`.
  return path === undefined ? null : (FAULTS[code ?? '']?.(path.replace(/\.part$/, '')) ?? null);
}
