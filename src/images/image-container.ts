/** Owns the specification of an image function's container: the image's own program, within the limits of all functions. */
import type { ContainerMount, ContainerSpec } from '../driver/driver.js';
import { containerLimits } from '../instance/container-limits.js';
import type { FunctionSettings } from '../model/function/settings.js';

/** CPU-seconds a container may take beside its calls: booting, and ending. */
const OWN_CPU_SECONDS = 5;

export interface ImageContainerOptions {
  /** Id of the container. */
  id: string;
  /** Id of the local image, `sha256:…`. */
  digest: string;
  settings: Pick<FunctionSettings, 'memoryMb' | 'cpus' | 'network' | 'env'>;
  /** For how long the container may compute, in milliseconds, at the share of a core that the settings give it. */
  busyMs: number;
  uid: number;
  /** Variables of ours; they win over those of the function. */
  env?: Readonly<Record<string, string>>;
  mounts?: readonly ContainerMount[];
}

export function imageContainer(options: ImageContainerOptions): ContainerSpec {
  const { id, digest, settings, busyMs, uid, env, mounts } = options;
  return {
    id,
    image: { type: 'pinned', digest },
    command: null,
    env: { ...settings.env, ...env },
    workingDir: null,
    mounts: mounts ?? [],
    network: settings.network,
    user: { uid, gid: uid },
    limits: containerLimits(settings, Math.ceil((busyMs / 1000) * settings.cpus) + OWN_CPU_SECONDS),
    labels: {},
  };
}
