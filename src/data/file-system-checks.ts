/** Owns which file systems a data directory may lie on. */
import { mkdtempSync, readdirSync, renameSync, rmdirSync, rmSync, statfsSync } from 'node:fs';
import { basename, join } from 'node:path';
import { StartupError } from '../model/startup-error.js';

const networkFileSystems = new Map([
  [0x6969, 'NFS'],
  [0xff534d42, 'CIFS'],
  [0xfe534d42, 'SMB'],
  [0x517b, 'SMB'],
]);

/**
 * Throws `StartupError` when the directory is on a network file system: locks and shared memory do not work there, and two
 * servers could destroy each other's database.
 */
export function refuseNetwork(path: string): void {
  const kind = networkFileSystems.get(statfsSync(path).type >>> 0);
  if (kind === undefined) return;
  throw new StartupError(
    `${path} is on a network file system (${kind}); GLAMBDAR_DIR has to be on a local disk.`,
  );
}

/** SQLite opens no file whose path is longer than 504 bytes; the longest name of ours in the directory takes 26 of them. */
const MAX_PATH_BYTES = 470;

/** Throws `StartupError` when SQLite could not open the databases in the directory. @param path absolute, free of symlinks */
export function refuseLongPath(path: string): void {
  const bytes = Buffer.byteLength(path);
  if (bytes <= MAX_PATH_BYTES) return;
  throw new StartupError(
    `the path of GLAMBDAR_DIR is ${bytes} bytes long, and at most ${MAX_PATH_BYTES} are possible; choose a shorter one.`,
  );
}

/**
 * Throws `StartupError` when the directories are not on one file system. Tries real renames: two mounts of one device have
 * the same device number, and still a rename between them fails.
 */
export function refuseSeveralFileSystems(
  functionsDir: string,
  runDir: string,
  tmpDir: string,
  ...others: string[]
): void {
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
  for (const directory of [runDir, functionsDir, ...others, tmpDir]) {
    const target = join(directory, basename(probe));
    try {
      renameSync(probe, target);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EXDEV') throw error;
      rmdirSync(probe);
      throw new StartupError(
        `${[functionsDir, runDir, ...others].join(', ')} and ${tmpDir} are not on one file system; do not mount them apart, mount GLAMBDAR_DIR.`,
      );
    }
    probe = target;
  }
  rmdirSync(probe);
}
