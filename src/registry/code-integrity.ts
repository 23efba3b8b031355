/**
 * Owns trusting a version's files: before a version is used for the first time in this process its digest is computed
 * again from disk. Altered or missing code is never served.
 */
import { GlambdarError } from '../errors.js';
import type { Logger } from '../logger.js';
import type { VersionRecord } from '../model/records.js';
import { versionKey } from './catalogue.js';
import { digestTree } from './tree-digest.js';
import type { VersionFiles } from './version-files.js';

export class CodeIntegrity {
  #files: VersionFiles;
  #logger: Logger;
  #verdicts = new Map<string, Promise<void>>();

  constructor(files: VersionFiles, logger: Logger) {
    this.#files = files;
    this.#logger = logger;
  }

  /** This process has just written these files itself. */
  trust(version: VersionRecord): void {
    this.#verdicts.set(versionKey(version), Promise.resolve());
  }

  forget(version: VersionRecord): void {
    this.#verdicts.delete(versionKey(version));
  }

  /**
   * Resolves at once after the first time. Rejects with CODE_UNAVAILABLE: for good when the files
   * are not what was deployed, for now when they cannot be read.
   */
  verify(version: VersionRecord): Promise<void> {
    const key = versionKey(version);
    let verdict = this.#verdicts.get(key);
    if (!verdict) {
      verdict = this.#compare(version);
      verdict.catch(() => undefined);
      this.#verdicts.set(key, verdict);
    }
    return verdict;
  }

  async #compare(version: VersionRecord): Promise<void> {
    const { name } = version;
    let found: string;
    try {
      found = (await digestTree(this.#files.path(name, version.version))).digest;
    } catch (error) {
      this.#logger.error(
        { err: error, function: name, version: version.version },
        'the code of a function cannot be read',
      );
      // Not the code's fault (no free descriptor, a device that stumbles): the next call looks again.
      if (!(error instanceof GlambdarError)) this.forget(version);
      throw unavailable(name);
    }
    if (found === version.digest) return;
    this.#logger.error(
      { function: name, version: version.version, expected: version.digest, found },
      'the code of a function was altered on disk and is not served',
    );
    throw unavailable(name);
  }
}

function unavailable(name: string): GlambdarError {
  return new GlambdarError(
    'CODE_UNAVAILABLE',
    `The code of "${name}" is missing or was altered on the server's disk, so it is not run. Deploy it again.`,
  );
}
