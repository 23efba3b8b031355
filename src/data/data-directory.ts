/**
 * Owns GLAMBDAR_DIR itself: that it is usable, that one server at a time uses it, who it is, and what stands in it.
 * What the files in it mean belongs to the store and the registry.
 */
import { randomBytes } from 'node:crypto';
import {
  chmodSync,
  closeSync,
  constants,
  fsyncSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  accessSync,
  readFileSync,
  readdirSync,
  realpathSync,
  renameSync,
  rmdirSync,
  rmSync,
  statfsSync,
  statSync,
  writeSync,
} from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { DiskReserve, syncDirectory, type DiskReserveOptions } from './disk-reserve.js';
import { lockFile, type Database } from '../store/sqlite/sqlite.js';
import { StartupError } from '../model/startup-error.js';

/** An opened, locked GLAMBDAR_DIR. Paths are absolute and free of symlinks. */
export interface DataDirectory {
  readonly path: string;
  /** 16 hex digits that stay with this directory when it is moved; a copy gets its own, so it never reaps our containers. */
  readonly id: string;
  /** Immutable code, `<name>/<version>/`. */
  readonly functionsDir: string;
  /** Slots of instances; 0700, empty at start. */
  readonly runDir: string;
  /** Staging; 0700, empty at start, on the file system of the other two, so that publishing is a rename. */
  readonly tmpDir: string;
  readonly reserve: DiskReserve;
  /** Gives the lock back. May be called twice. */
  close(): void;
}

/**
 * Opens the directory, creating what is missing. Throws `StartupError` when another server uses it, when it cannot be
 * written, when parts of it are symlinks or lie on other file systems, or when it is on a network file system.
 */
export function openDataDirectory(dir: string, reserve: DiskReserveOptions = {}): DataDirectory {
  const path = explained(dir, () => createRoot(resolve(dir)));
  return explained(path, () => openLocked(path, reserve));
}

function openLocked(path: string, reserve: DiskReserveOptions): DataDirectory {
  refuseNetwork(path);
  const [functionsDir, runDir, tmpDir] = ['functions', 'run', 'tmp'].map((name) => join(path, name)) as [
    string,
    string,
    string,
  ];
  // 1. The lock, before anything another server might be using is touched.
  const lock = takeLock(path);
  try {
    // 2. The directories.
    createDirectory(functionsDir, 0o755);
    for (const privateDir of [runDir, tmpDir]) {
      createDirectory(privateDir, 0o700);
      chmodSync(privateDir, 0o700); // it may have been there, or the umask may have interfered
      empty(privateDir);
    }
    refuseSeveralFileSystems(functionsDir, runDir, tmpDir);
    // 3. The reserve before the identity, which needs a few bytes.
    const diskReserve = new DiskReserve(path, reserve);
    const id = identify(path, diskReserve);
    return {
      path,
      id,
      functionsDir,
      runDir,
      tmpDir,
      reserve: diskReserve,
      close: () => lock.isOpen && lock.close(),
    };
  } catch (error) {
    lock.close();
    throw error;
  }
}

/** Turns the errors of an operator's everyday mistakes into sentences. */
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

function createRoot(dir: string): string {
  createMissing(dir);
  const path = realpathSync(dir);
  accessSync(path, constants.R_OK | constants.W_OK | constants.X_OK);
  return path;
}

/** Level by level: on procfs Node's own recursive mkdir never ends. */
function createMissing(dir: string): void {
  if (statSync(dir, { throwIfNoEntry: false })?.isDirectory()) return;
  createMissing(dirname(dir));
  mkdirSync(dir);
  syncDirectory(dirname(dir));
}

function createDirectory(directory: string, mode: number): void {
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

/** Leftovers of a server that was killed. Symlinks are removed, never followed. */
function empty(directory: string): void {
  for (const entry of readdirSync(directory))
    rmSync(join(directory, entry), { recursive: true, force: true });
}

function takeLock(path: string): Database {
  const lock = lockFile(join(path, 'lock.db'));
  if (lock !== undefined) return lock;
  throw new StartupError(`another Glambdar server is using ${path}; stop it or choose another GLAMBDAR_DIR`);
}

const networkFileSystems = new Map([
  [0x6969, 'NFS'],
  [0xff534d42, 'CIFS'],
  [0xfe534d42, 'SMB'],
  [0x517b, 'SMB'],
]);

/** Locks and shared memory do not work over a network: two servers could destroy each other's database. */
function refuseNetwork(path: string): void {
  const kind = networkFileSystems.get(statfsSync(path).type >>> 0);
  if (kind === undefined) return;
  throw new StartupError(
    `${path} is on a network file system (${kind}); GLAMBDAR_DIR has to be on a local disk.`,
  );
}

/** Renames for real: two mounts of one device have the same number, and still a rename between them fails. */
function refuseSeveralFileSystems(functionsDir: string, runDir: string, tmpDir: string): void {
  const prefix = '.probe-';
  for (const entry of readdirSync(functionsDir)) {
    if (entry.startsWith(prefix)) rmSync(join(functionsDir, entry), { recursive: true, force: true });
  }
  let probe: string;
  try {
    probe = mkdtempSync(join(tmpDir, prefix));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOSPC') return; // a full disk must not keep deletes from being served
    throw error;
  }
  for (const directory of [runDir, functionsDir, tmpDir]) {
    const target = join(directory, basename(probe));
    try {
      renameSync(probe, target);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EXDEV') throw error;
      rmdirSync(probe);
      throw new StartupError(
        `${functionsDir}, ${runDir} and ${tmpDir} are not on one file system; do not mount them apart, mount GLAMBDAR_DIR.`,
      );
    }
    probe = target;
  }
  rmdirSync(probe);
}

interface Identity {
  id: string;
  inode: string;
  birthtimeNs: string;
}

/** The inode and the time of birth change when a directory is copied and stay when it is renamed. */
function identify(path: string, reserve: DiskReserve): string {
  const file = join(path, 'identity.json');
  const { ino, birthtimeNs } = statSync(path, { bigint: true });
  const here = { inode: `${ino}`, birthtimeNs: `${birthtimeNs}` };
  const kept = readIdentity(file);
  if (kept?.inode === here.inode && kept.birthtimeNs === here.birthtimeNs) return kept.id;
  const identity: Identity = { id: randomBytes(8).toString('hex'), ...here };
  try {
    writeDurably(file, JSON.stringify(identity));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOSPC' || !reserve.release()) throw error;
    writeDurably(file, JSON.stringify(identity));
  }
  return identity.id;
}

function readIdentity(file: string): Identity | undefined {
  try {
    const value = JSON.parse(readFileSync(file, 'utf8')) as Partial<Identity> | null;
    return typeof value?.id === 'string' && /^[0-9a-f]{16}$/.test(value.id) ? (value as Identity) : undefined;
  } catch {
    return undefined; // missing, or not ours to understand: a new one is made
  }
}

function writeDurably(file: string, text: string): void {
  const draft = `${file}.new`;
  const descriptor = openSync(draft, 'w', 0o600);
  try {
    writeSync(descriptor, text);
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
  renameSync(draft, file);
  syncDirectory(dirname(file));
}
