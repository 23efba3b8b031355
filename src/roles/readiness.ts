/** Owns whether the server can take calls now: its stores can be used, containers can be prepared, and Docker is there. */
import type { Driver } from '../driver/driver.js';
import type { Readiness } from '../http/families/native/health.js';
import { makeRunDirectory } from '../instance/slot-socket.js';
import type { Logger } from '../logger.js';
import type { InstalledRuntime } from '../runtimes/installed-runtime.js';

export interface ReadinessParts {
  /** Each `check` rejects when its store cannot be read or written. */
  stores: readonly { check(): Promise<void> }[];
  runDir: string;
  installed: ReadonlyMap<string, InstalledRuntime>;
  driver: Pick<Driver, 'health'>;
  logger: Pick<Logger, 'error'>;
}

export function createReadiness(parts: ReadinessParts): () => Promise<Readiness> {
  const { stores, runDir, installed, driver, logger } = parts;
  return async () => {
    try {
      for (const store of stores) await store.check();
    } catch {
      return {
        ready: false,
        reason: 'The store cannot be read or written; the server log has the reason.',
      };
    }
    try {
      // Repairs the run directory as every start of a container does: it may have been damaged a moment ago.
      makeRunDirectory(runDir);
      for (const runtime of installed.values()) runtime.repair();
    } catch (err) {
      logger.error({ err }, 'the run directory cannot be used');
      return { ready: false, reason: 'Containers cannot be prepared; the server log has the reason.' };
    }
    const health = driver.health();
    return health.available ? { ready: true } : { ready: false, reason: health.reason };
  };
}
