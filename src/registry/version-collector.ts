/** Owns when old versions go: those beyond the kept ones are forgotten at once, and their files removed when nobody uses them. */
import type { Logger } from '../logger.js';
import type { FunctionRecord, VersionRecord } from '../model/function/function.js';
import { refKey, type FunctionRef } from '../model/function/ref.js';
import type { FunctionStore } from '../store/function-store.js';
import type { CodeIntegrity } from './code-integrity.js';
import type { KeyedMutex } from './keyed-mutex.js';
import type { VersionFiles } from './version-files.js';
import type { VersionLeases } from './version-leases.js';

/** Versions kept of a function, the active one included. */
export const KEPT_VERSIONS = 5;

export interface VersionCollectorOptions {
  store: FunctionStore;
  leases: VersionLeases;
  files: VersionFiles;
  integrity: CodeIntegrity;
  /** The turns per name, shared with deploys: a version number may come into use again. */
  mutex: KeyedMutex;
  logger: Logger;
}

export class VersionCollector {
  readonly #options: VersionCollectorOptions;

  constructor(options: VersionCollectorOptions) {
    this.#options = options;
  }

  /** Forgets versions of a function beyond the newest five. A store that fails is tried again after the next deploy. */
  async collect({ id, ref }: FunctionRecord): Promise<void> {
    const { store, logger } = this.#options;
    try {
      const surplus = (await store.listVersions(id)).slice(KEPT_VERSIONS);
      if (surplus.length === 0) return;
      await store.removeVersions(
        id,
        surplus.map(({ version }) => version),
      );
      for (const version of surplus) this.removeWhenFree(ref, version);
    } catch (err) {
      // The caller has deployed, or is starting the server: neither may fail because of old code.
      logger.error({ err, function: ref.name }, 'old versions could not be forgotten');
    }
  }

  /** Removes the files of a version that the store has doomed: now, or when its last call has ended. */
  removeWhenFree(ref: FunctionRef, version: VersionRecord): void {
    const { leases, integrity, mutex, logger } = this.#options;
    leases.whenFree(version, () => {
      integrity.forget(version);
      mutex
        .run(refKey(ref), () => this.remove(ref, [version.version]))
        .catch((err: unknown) => logger.error({ err, function: ref.name }, 'old code could not be removed'));
    });
  }

  /** Removes the files of doomed versions now. To be called in a turn of the name. */
  async remove(ref: FunctionRef, versions: number[]): Promise<void> {
    const { files, store, logger } = this.#options;
    await files.remove(ref, versions);
    await store.forgetDoomed(versions.map((version) => ({ ref, version }))).catch((err: unknown) =>
      // The next start finds nothing to remove, and tries again to forget.
      logger.warn({ err, function: ref.name }, 'removed code could not be forgotten'),
    );
  }
}
