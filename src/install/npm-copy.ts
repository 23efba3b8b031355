/**
 * Owns a copy of npm's package where the Docker daemon finds it. The daemon mounts paths of its own machine; when this server
 * runs in a container itself, only the data directory has the same path on both sides.
 */
import { chmod, cp, rename, rm } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import type { HostNpm } from './host-npm.js';

/** Docker and Podman leave one of these files in every container. */
const MARKS = ['/.dockerenv', '/run/.containerenv'];

/**
 * The same npm, in `target` when this process runs in a container: about 15 MB, copied once. Rejects with the file system's error.
 * @param target absolute path below the run directory, which is emptied at every start
 * @param marks files that tell a container
 */
export async function visibleNpm(
  npm: HostNpm,
  target: string,
  marks: readonly string[] = MARKS,
): Promise<HostNpm> {
  if (!marks.some((mark) => existsSync(mark))) return npm;
  if (!existsSync(target)) {
    const draft = `${target}.new`;
    await rm(draft, { recursive: true, force: true });
    // Modes are kept: the users of containers must be able to read the copy.
    await cp(npm.directory, draft, { recursive: true, verbatimSymlinks: true });
    await chmod(draft, 0o755);
    await rename(draft, target);
  }
  return { ...npm, directory: target };
}
