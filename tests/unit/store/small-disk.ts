/** Owns small real file systems for tests of full disks; needs root and loop devices. */
import type { ExecutionContext } from 'ava';
import { execFileSync } from 'node:child_process';
import { closeSync, mkdirSync, mkdtempSync, openSync, rmSync, truncateSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Mounts something at a directory until the test ends. */
export function mount(t: ExecutionContext, target: string, ...args: string[]): void {
  execFileSync('mount', [...args, target], { stdio: 'pipe' });
  // Lazily: @photostructure/sqlite keeps files open until the garbage collector has taken the last statement.
  t.teardown(() => void execFileSync('umount', ['--lazy', target]));
}

/** An empty ext4 of its own; the directory is its root. */
export function smallDisk(t: ExecutionContext, mebibytes: number, ...mkfsOptions: string[]): string {
  const base = mkdtempSync(join(tmpdir(), 'glambdar-disk-'));
  t.teardown(() => rmSync(base, { recursive: true, force: true }));
  const image = join(base, 'image');
  const root = join(base, 'root');
  mkdirSync(root);
  closeSync(openSync(image, 'w'));
  truncateSync(image, mebibytes * 1024 * 1024);
  execFileSync('mkfs.ext4', ['-q', '-m', '0', ...mkfsOptions, image], { stdio: 'pipe' });
  mount(t, root, '-o', 'loop', image);
  return root;
}

/** Why small disks cannot be made here; undefined when they can. */
export function noSmallDisks(): string | undefined {
  if (process.getuid?.() !== 0) return 'needs root to mount';
  const base = mkdtempSync(join(tmpdir(), 'glambdar-disk-'));
  try {
    execFileSync('mount', ['-t', 'tmpfs', 'none', base], { stdio: 'pipe' });
    execFileSync('umount', [base]);
    execFileSync('mkfs.ext4', ['-V'], { stdio: 'pipe' });
    execFileSync('losetup', ['-f'], { stdio: 'pipe' });
    return undefined;
  } catch (error) {
    return `needs mount, mkfs.ext4 and loop devices: ${(error as Error).message.split('\n')[0]}`;
  } finally {
    rmSync(base, { recursive: true, force: true });
  }
}

/** Fills the file system to its last byte. Removing the returned file makes room again. */
export function fill(directory: string): string {
  const file = join(directory, 'filler');
  const descriptor = openSync(file, 'w');
  for (const size of [1024 * 1024, 4096, 1]) {
    const chunk = Buffer.alloc(size, 1);
    try {
      for (;;) writeSync(descriptor, chunk);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
    }
  }
  closeSync(descriptor);
  return file;
}
