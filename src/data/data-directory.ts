/**
 * Owns opening GLAMBDAR_DIR: usable, locked by one server at a time, its parts in place. The meaning of its files belongs to
 * the store and the registry.
 */
import { join, resolve } from 'node:path';
import { StartupError } from '../model/startup-error.js';
import { createDirectory, createEmptyPrivateDirectory, createRoot } from './directories.js';
import { DiskReserve, type DiskReserveOptions } from './disk-reserve.js';
import { unmountBelow } from './memory-file-system.js';
import { refuseLongPath, refuseNetwork, refuseSeveralFileSystems } from './file-system-checks.js';
import { identify } from './identity.js';

/** An opened, locked GLAMBDAR_DIR. Paths are absolute and free of symlinks. */
export interface DataDirectory {
  readonly path: string;
  /** 16 hex digits that stay the same when this directory is moved; a copy gets its own id, so it never reaps our containers. */
  readonly id: string;
  /** Immutable code; see `function-layout.ts`. */
  readonly functionsDir: string;
  /** Slots of instances; 0700, empty at start. */
  readonly runDir: string;
  /** Staging; 0700, empty at start, on the file system of the other two directories, so that publishing is a rename. */
  readonly tmpDir: string;
  readonly reserve: DiskReserve;
  /** Gives the lock back. May be called twice. */
  close(): void;
}

export interface DataDirectoryOptions {
  /** Locks a file that holds no data; the lock ends with this process. Undefined when another process has the lock. */
  lockFile: (file: string) => { release(): void } | undefined;
  reserve?: DiskReserveOptions;
}

/**
 * Opens the directory, creating missing parts. Throws `StartupError` when another server uses the directory, when it cannot
 * be written, when parts of it are symlinks or lie on other file systems, when it is on a network file system, or when its
 * path is too long.
 */
export function openDataDirectory(dir: string, options: DataDirectoryOptions): DataDirectory {
  const path = explained(dir, () => createRoot(resolve(dir)));
  return explained(path, () => openRoot(path, options));
}

function openRoot(path: string, options: DataDirectoryOptions): DataDirectory {
  refuseNetwork(path);
  refuseLongPath(path);
  const functionsDir = join(path, 'functions');
  const runDir = join(path, 'run');
  const tmpDir = join(path, 'tmp');
  // 1. The lock, before touching anything that another server might be using.
  const lock = options.lockFile(join(path, 'lock.db'));
  if (lock === undefined)
    throw new StartupError(
      `another Glambdar server is using ${path}; stop it or choose another GLAMBDAR_DIR`,
    );
  try {
    // 2. The directories.
    createDirectory(functionsDir, 0o755);
    unmountBelow(runDir);
    createEmptyPrivateDirectory(runDir);
    createEmptyPrivateDirectory(tmpDir);
    refuseSeveralFileSystems(functionsDir, runDir, tmpDir);
    // 3. The reserve before the identity, which needs a few bytes.
    const reserve = new DiskReserve(path, options.reserve);
    const id = identify(path, () => reserve.release());
    return { path, id, functionsDir, runDir, tmpDir, reserve, close: () => lock.release() };
  } catch (error) {
    lock.release();
    throw error;
  }
}

/** Runs `body`, turning the file system errors of an operator's everyday mistakes into `StartupError`s. */
function explained<T>(dir: string, body: () => T): T {
  try {
    return body();
  } catch (error) {
    if (error instanceof StartupError) throw error;
    const { code, path, message } = error as NodeJS.ErrnoException;
    const where = path ?? dir;
    const reason =
      code === 'EACCES' || code === 'EPERM'
        ? `${where} is not writable for this user`
        : code === 'EROFS'
          ? `${where} is on a read-only file system`
          : code === 'ENOTDIR' || code === 'EEXIST'
            ? `${where} is not a directory`
            : `${where}: ${message}`;
    throw new StartupError(`GLAMBDAR_DIR cannot be used: ${reason}.`, { cause: error });
  }
}
