/** Owns when old versions go: beyond the kept ones they are forgotten at once, their files when nobody uses them any more. */
import type { Logger } from '../logger.js';
import type { VersionRecord } from '../model/records.js';
import type { Store } from '../store/store.js';
import { KEPT_VERSIONS, type Catalogue } from './catalogue.js';
import type { CodeIntegrity } from './code-integrity.js';
import type { KeyedMutex } from './keyed-mutex.js';
import type { VersionFiles } from './version-files.js';

export interface VersionCollectorOptions {
  store: Store;
  catalogue: Catalogue;
  files: VersionFiles;
  integrity: CodeIntegrity;
  /** One at a time per function with deploys of it: a version number may come into use again. */
  mutex: KeyedMutex;
  logger: Logger;
}

export class VersionCollector {
  #options: VersionCollectorOptions;

  constructor(options: VersionCollectorOptions) {
    this.#options = options;
  }

  /** Forgets versions of a function beyond the newest five. A store that fails is tried again after the next deploy. */
  collect(name: string): void {
    const { store, logger } = this.#options;
    try {
      const surplus = store.listVersions(name).slice(KEPT_VERSIONS);
      if (surplus.length === 0) return;
      store.removeVersions(
        name,
        surplus.map(({ version }) => version),
      );
      for (const version of surplus) this.removeWhenFree(version);
    } catch (err) {
      // Whoever asked has deployed, or is starting the server: neither may fail because of old code.
      logger.error({ err, function: name }, 'old versions could not be forgotten');
    }
  }

  /** Removes the files of a version the store no longer knows: now, or when its last call has ended. */
  removeWhenFree(version: VersionRecord): void {
    const { catalogue, files, integrity, mutex, logger } = this.#options;
    catalogue.whenFree(version, () => {
      integrity.forget(version);
      mutex
        .run(version.name, () => files.remove(version.name, [version.version]))
        .catch((err: unknown) =>
          logger.error({ err, function: version.name }, 'old code could not be removed'),
        );
    });
  }
}
