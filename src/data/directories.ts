/** Owns making and emptying the directories that GLAMBDAR_DIR consists of. All functions throw the file system's errors. */
import {
  accessSync,
  chmodSync,
  constants,
  lstatSync,
  mkdirSync,
  readdirSync,
  realpathSync,
  rmSync,
  statSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { StartupError } from '../model/startup-error.js';
import { syncDirectory } from './sync-directory.js';

/** Makes the directory with all its parents, and returns its path without symlinks. Throws when this user cannot use it. */
export function createRoot(dir: string): string {
  createMissing(dir);
  const path = realpathSync(dir);
  accessSync(path, constants.R_OK | constants.W_OK | constants.X_OK);
  return path;
}

/** Makes missing directories level by level: on procfs Node's own recursive mkdir never ends. */
function createMissing(dir: string): void {
  if (statSync(dir, { throwIfNoEntry: false })?.isDirectory()) return;
  createMissing(dirname(dir));
  mkdirSync(dir);
  syncDirectory(dirname(dir));
}

/** Makes a directory if it is missing. Throws `StartupError` if a symlink or a file has its name. */
export function createDirectory(directory: string, mode: number): void {
  const stat = lstatSync(directory, { throwIfNoEntry: false });
  if (stat === undefined) {
    mkdirSync(directory);
    chmodSync(directory, mode); // whatever the umask
    syncDirectory(dirname(directory));
    return;
  }
  if (stat.isSymbolicLink()) {
    throw new StartupError(
      `${directory} is a symlink; make it a real directory, or point GLAMBDAR_DIR to where everything is to be kept.`,
    );
  }
  if (!stat.isDirectory()) throw new StartupError(`${directory} is not a directory; move it out of the way.`);
  accessSync(directory, constants.R_OK | constants.W_OK | constants.X_OK);
}

/** Makes a directory that only this user can enter, and empties it: a server that was killed leaves entries there. */
export function createEmptyPrivateDirectory(directory: string): void {
  createDirectory(directory, 0o700);
  chmodSync(directory, 0o700); // the directory may have been there, or the umask may have interfered
  // Symlinks are removed, never followed.
  for (const entry of readdirSync(directory))
    rmSync(join(directory, entry), { recursive: true, force: true });
}
