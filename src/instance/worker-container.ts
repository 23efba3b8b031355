/** Owns the specification of a worker's container: its mounts, command, environment and limits. */
import type { ContainerMount, ContainerSpec } from '../driver/driver.js';
import type { Profile } from '../model/function/profile.js';
import type { InstalledRuntime } from '../runtimes/installed-runtime.js';
import { containerLimits } from './container-limits.js';
import { passwdOf } from './slot-socket.js';

export interface WorkerContainerOptions {
  /** Id of the instance. */
  id: string;
  runtime: InstalledRuntime;
  profile: Profile;
  /** Absolute host path of the slot. */
  slotDir: string;
  /** uid and gid of the worker; no two live instances share one. */
  uid: number;
}

/** The slot is at `/slot` and the worker at `/worker`, both read-only; `/tmp` is the worker's own. */
export function workerContainer(options: WorkerContainerOptions): ContainerSpec {
  const { id, runtime, profile, slotDir, uid } = options;
  const { memoryMb, cpus, network, cpuSeconds } = profile;
  return {
    id,
    image: runtime.image,
    command: runtime.runtime.command(memoryMb),
    env: { HOME: '/tmp', TMPDIR: '/tmp', ...runtime.runtime.env, GLAMBDAR_SLOT: '/slot' },
    workingDir: '/slot',
    mounts: [
      readOnly(slotDir, '/slot'),
      readOnly(runtime.workerDir, '/worker'),
      // In the image with Node /etc/passwd is a link into the slot, which spares every start 4 ms for a mount.
      ...(runtime.image.type === 'node' ? [] : [readOnly(passwdOf(slotDir), '/etc/passwd')]),
    ],
    network,
    user: { uid, gid: uid },
    limits: containerLimits({ memoryMb, cpus }, cpuSeconds),
    labels: {},
  };
}

function readOnly(source: string, target: string): ContainerMount {
  return { source, target, readOnly: true };
}
