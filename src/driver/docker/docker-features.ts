/** Owns the abilities of the daemon: read once at the start, so that a wrong setting is a sentence and not a failed container. */
import { DriverError } from '../driver.js';
import { notDocker, statusOf } from './engine/docker-error.js';
import type { Engine } from './engine/engine.js';

/** Some options of containers depend on these. */
export interface DockerFeatures {
  init: boolean;
  cgroupParent: string | null;
  /** Path of the daemon's own directory on its machine; null when the daemon does not say. */
  rootDir: string | null;
}

/** API of Docker 20.10, the oldest release this program was tried on; that API brought `CgroupnsMode`. */
const oldestApi = [1, 41] as const;

/**
 * @param ociRuntime name of the runtime to use, or null for the daemon's default
 * @throws DriverError when it is no Docker daemon, is too old, lacks seccomp or the runtime, or has no Linux containers
 */
export async function detectFeatures(
  engine: Pick<Engine, 'ping' | 'info' | 'apiVersion'>,
  ociRuntime: string | null,
): Promise<DockerFeatures> {
  await engine.ping().catch((error: unknown) => {
    // A daemon that is unwell answers with 500.
    throw (statusOf(error) ?? 500) < 500 ? notDocker(error) : error;
  });
  const [info, apiVersion] = await Promise.all([engine.info(), engine.apiVersion()]);
  if (!/^\d+\.\d+$/.test(apiVersion) || typeof info !== 'object' || info === null) {
    throw notDocker();
  }
  const [major = 0, minor = 0] = apiVersion.split('.').map(Number);
  if (major < oldestApi[0] || (major === oldestApi[0] && minor < oldestApi[1])) {
    throw new DriverError(
      'failed',
      `Docker 20.10 (API ${oldestApi.join('.')}) or newer is needed; this one speaks API ${apiVersion}.`,
    );
  }
  if (info.OSType !== undefined && info.OSType !== 'linux') {
    throw new DriverError('failed', `Linux containers are needed; this Docker makes ${info.OSType} ones.`);
  }
  if (!(info.SecurityOptions ?? []).some((option) => option.startsWith('name=seccomp'))) {
    throw new DriverError(
      'failed',
      'This Docker (or its kernel) lacks seccomp, without which functions are not confined enough.',
    );
  }
  const runtimes = Object.keys(info.Runtimes ?? {});
  if (ociRuntime !== null && !runtimes.includes(ociRuntime)) {
    throw new DriverError(
      'failed',
      `Docker has no runtime "${ociRuntime}"; it has ${runtimes.join(', ')}. Add it to the daemon's configuration.`,
    );
  }
  return {
    // The daemon says "N/A" when the configured binary does not exist.
    init: Boolean(info.InitBinary) && info.InitCommit?.ID !== 'N/A',
    cgroupParent: cgroupParent(info.CgroupDriver),
    rootDir: info.DockerRootDir || null,
  };
}

function cgroupParent(driver: string | undefined): string | null {
  if (driver === 'systemd') return 'glambdar.slice'; // systemd takes slices only
  return driver === 'cgroupfs' ? '/glambdar' : null;
}
