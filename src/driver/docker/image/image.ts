/** Owns what the driver knows of an image, and finding it at the daemon. */
import { statusOf } from '../engine/docker-error.js';
import type { Engine } from '../engine/engine.js';

/** What is needed to create containers from an image. */
export interface Image {
  /** `sha256:…`: a tag may move, this cannot. */
  id: string;
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
    const { Id, Config } = await engine.inspectImage(reference);
    return {
      id: Id,
      reference,
      env: Config?.Env ?? [],
      volumes: Object.keys(Config?.Volumes ?? {}),
      workingDir: safeWorkingDir(Config?.WorkingDir),
    };
  } catch (error) {
    if (statusOf(error) === 404) return undefined;
    throw error;
  }
}

/** A working directory such as /proc/self/fd/7 has led out of containers (CVE-2024-21626). */
function safeWorkingDir(path: string | undefined): string {
  return path?.startsWith('/') && !/^\/+proc(\/|$)/.test(path) ? path : '/';
}
