/**
 * Owns the check of what is to be mounted: Docker follows links, so a source that is a link to `/` would mount the host's
 * root.
 */
import { lstatSync, realpathSync } from 'node:fs';
import { sep } from 'node:path';
import { DriverError, type ContainerMount } from '../../driver.js';

/**
 * The mounts with the real paths of their sources. Synchronous on purpose: 20 µs a mount, against a queue for libuv's four
 * threads on the way of a cold start.
 * @param root real path of the directory that every source has to be in
 * @param programs real paths elsewhere that read-only mounts may have as their source, too
 * @throws DriverError when a source is missing, is neither file nor directory, is a link, or lies outside
 */
export function checkedMounts(
  mounts: readonly ContainerMount[],
  root: string,
  programs: readonly string[] = [],
): ContainerMount[] {
  return mounts.map((mount) => ({ ...mount, source: checkedSource(mount, root, programs) }));
}

function checkedSource(
  { source, target, readOnly }: ContainerMount,
  root: string,
  programs: readonly string[],
): string {
  let real: string;
  try {
    const stat = lstatSync(source);
    if (!stat.isDirectory() && !stat.isFile()) throw new Error('it is neither a directory nor a file');
    real = realpathSync.native(source);
  } catch (error) {
    throw refused(target, (error as Error).message, error);
  }
  if (readOnly && programs.includes(real)) return real;
  if (!real.startsWith(root + sep)) throw refused(target, 'it is outside the run directory');
  return real;
}

function refused(target: string, reason: string, cause?: unknown): DriverError {
  return new DriverError('failed', `The source of ${target} cannot be mounted: ${reason}.`, { cause });
}
