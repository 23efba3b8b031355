/**
 * Owns file systems in memory (tmpfs) below the run directory: one bounds what a container can write to a folder of the host,
 * in bytes and in files. Mounting needs root; without it such folders cannot be had.
 */
import { execFile, execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { sep } from 'node:path';
import { promisify } from 'node:util';

export interface MemoryLimits {
  bytes: number;
  /** Files and folders, the root included. */
  inodes: number;
}

const run = promisify(execFile);
const TIMEOUT_MS = 10_000;

/** Mounts an empty file system on a directory; others can pass through its root and not list it. Rejects when this process may not mount. */
export async function mountMemory(directory: string, { bytes, inodes }: MemoryLimits): Promise<void> {
  const options = `rw,nosuid,nodev,noexec,noatime,size=${bytes},nr_inodes=${inodes},mode=0711`;
  await run('mount', ['-t', 'tmpfs', '-o', options, 'glambdar', directory], { timeout: TIMEOUT_MS });
}

/** Unmounts; what is in the file system is gone, also while somebody still has it open. A directory that is no mount point is success. */
export async function unmountMemory(directory: string): Promise<void> {
  await run('umount', ['-l', directory], { timeout: TIMEOUT_MS }).catch((error: unknown) => {
    if (mountPointsBelow(directory, true).includes(directory)) throw error;
  });
}

/** Unmounts all file systems below a directory, which a server that was killed has left. To be called before the directory is emptied. */
export function unmountBelow(directory: string): void {
  for (const mountPoint of mountPointsBelow(directory).reverse())
    execFileSync('umount', ['-l', mountPoint], { timeout: TIMEOUT_MS, stdio: 'ignore' });
}

function mountPointsBelow(directory: string, itself = false): string[] {
  return readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .map((line) => line.split(' ')[4] ?? '')
    .map((path) =>
      path.replaceAll(/\\(\d{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8))),
    )
    .filter((path) => path.startsWith(directory + sep) || (itself && path === directory));
}
