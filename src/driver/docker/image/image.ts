/** Owns what the driver knows of an image, and finding it at the daemon. */
import { posix } from 'node:path';
import { statusOf } from '../engine/docker-error.js';
import type { LocalImage } from '../../driver.js';
import type { Engine } from '../engine/engine.js';

/** What is needed to create containers from an image. */
export interface Image extends LocalImage {
  /** The name it was found by. */
  reference: string;
  /** The image's environment, `NAME=value`. */
  env: string[];
  /** Paths the image declares as volumes. */
  volumes: string[];
  /** Where its own entrypoint expects to start: an absolute path, never below /proc. */
  workingDir: string;
}

/** One call to the daemon. Undefined when the image is not there. */
export async function findImage(engine: Engine, reference: string): Promise<Image | undefined> {
  try {
    const { Id, Size, Config } = await engine.inspectImage(reference);
    return {
      id: Id,
      sizeBytes: Size,
      ports: tcpPorts(Config?.ExposedPorts),
      reference,
      env: Config?.Env ?? [],
      volumes: [...new Set(Object.keys(Config?.Volumes ?? {}).map(absolute))],
      workingDir: safeWorkingDir(Config?.WorkingDir),
    };
  } catch (error) {
    if (statusOf(error) === 404) return undefined;
    throw error;
  }
}

/** A path without `.`, `..` and slashes at its end: of `/tmp` and `/tmp/` Docker would refuse the second mount. */
function absolute(path: string): string {
  const normal = posix.normalize(`/${path}`);
  return normal.length > 1 && normal.endsWith('/') ? normal.slice(0, -1) : normal;
}

/** The numbers of the ports in the engine's form `5000/tcp`. */
function tcpPorts(exposed: Record<string, unknown> | undefined): number[] {
  return Object.keys(exposed ?? {})
    .filter((port) => /^\d+\/tcp$/.test(port))
    .map((port) => Number.parseInt(port, 10))
    .sort((a, b) => a - b);
}

/** A working directory such as /proc/self/fd/7 has led out of containers (CVE-2024-21626). */
function safeWorkingDir(path: string | undefined): string {
  return path?.startsWith('/') && !/^\/+proc(\/|$)/.test(path) ? path : '/';
}
