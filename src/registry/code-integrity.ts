/**
 * Owns trusting a version's files. Before a version is used for the first time in this process its digest is computed again
 * from disk; before every later use its stamp is compared, and the digest computed again when that differs. Altered or
 * missing code is not served.
 */
import { GlambdarError } from '../errors.js';
import type { Logger } from '../logger.js';
import { versionKey, type FunctionRecord, type VersionRecord } from '../model/function/function.js';
import { digestTree } from './tree-digest.js';
import { stampTree } from './tree-stamp.js';
import type { VersionFiles } from './version-files.js';

export class CodeIntegrity {
  readonly #files: VersionFiles;
  readonly #logger: Logger;
  /** By `versionKey`: the stamp of files that were found to be what was deployed, or the refusal of all others. */
  readonly #verdicts = new Map<string, Promise<string>>();

  constructor(files: VersionFiles, logger: Logger) {
    this.#files = files;
    this.#logger = logger;
  }

  /** This process has just written the files of the record's active version itself. */
  trust({ ref, active }: FunctionRecord): void {
    const stamp = stampTree(this.#files.path(ref, active.version));
    // Without a stamp the next use computes the digest.
    stamp.catch(() => this.forget(active));
    this.#verdicts.set(versionKey(active), stamp);
  }

  forget(version: VersionRecord): void {
    this.#verdicts.delete(versionKey(version));
  }

  /**
   * Resolves when the files of the record's active version are what was deployed, as far as their stamp tells. Rejects with
   * CODE_UNAVAILABLE: for good when the files are not what was deployed, for now when they cannot be read.
   */
  async verify(record: FunctionRecord): Promise<void> {
    const { ref, active } = record;
    const verdict = this.#verdicts.get(versionKey(active));
    if (verdict === undefined) {
      await this.#judge(record);
      return;
    }
    const stamp = await verdict;
    const now = await stampTree(this.#files.path(ref, active.version)).catch(() => 'cannot be read');
    if (now === stamp) return;
    // Others may have noticed too; the first one computes the digest for all.
    const newer = this.#verdicts.get(versionKey(active));
    await (newer === undefined || newer === verdict ? this.#judge(record) : newer);
  }

  #judge(record: FunctionRecord): Promise<string> {
    const verdict = this.#compare(record);
    verdict.catch(() => undefined);
    this.#verdicts.set(versionKey(record.active), verdict);
    return verdict;
  }

  async #compare({ ref, active }: FunctionRecord): Promise<string> {
    const path = this.#files.path(ref, active.version);
    const about = { function: ref.name, version: active.version };
    let stamp: string;
    let found: string;
    try {
      // The stamp first: a change that comes while the files are read makes the next stamp differ.
      stamp = await stampTree(path).catch(() => 'cannot be read');
      found = (await digestTree(path)).digest;
    } catch (error) {
      this.#logger.error({ err: error, ...about }, 'the code of a function cannot be read');
      // Not the code's fault (no free descriptor, a device that stumbles): the next call looks again.
      if (!(error instanceof GlambdarError)) this.forget(active);
      throw unavailable(ref.name);
    }
    if (found === active.digest) return stamp;
    this.#logger.error(
      { ...about, expected: active.digest, found },
      'the code of a function was altered on disk and is not served',
    );
    throw unavailable(ref.name);
  }
}

function unavailable(name: string): GlambdarError {
  return new GlambdarError(
    'CODE_UNAVAILABLE',
    `The code of "${name}" is missing or was altered on the server's disk, so it is not run. Deploy it again.`,
  );
}
