/**
 * Owns whether a version's files can be trusted. Before the first use of a version in this process its digest is computed
 * again from disk; before every later use its stamp is compared, and the digest is computed again when the stamp differs.
 * Altered or missing code is not served.
 */
import type { Clock } from '../clock.js';
import { GlambdarError } from '../errors.js';
import type { Logger } from '../logger.js';
import { versionKey, type FunctionRecord, type VersionRecord } from '../model/function/function.js';
import { digestTree } from './tree-digest.js';
import { stampTree } from './tree-stamp.js';
import type { VersionFiles } from './version-files.js';

/** The stamp of a new version is made so long after its deploy, unless somebody uses the version before. */
const TRUST_AFTER_MS = 20;

interface Verdict {
  /** Resolves with the stamp of files found unaltered, or rejects for altered or missing ones. */
  stamp: Promise<string>;
  /** Somebody waits for the stamp: it is to be made now. */
  begin: () => void;
}

export class CodeIntegrity {
  readonly #files: VersionFiles;
  readonly #clock: Clock;
  readonly #logger: Logger;
  /** By `versionKey`. */
  readonly #verdicts = new Map<string, Verdict>();

  constructor(files: VersionFiles, clock: Clock, logger: Logger) {
    this.#files = files;
    this.#clock = clock;
    this.#logger = logger;
  }

  /** To be called when this process has just written the files of the record's active version. */
  trust({ ref, active }: FunctionRecord): void {
    // Later than the answer to the deploy, which the stamp of thousands of files would hold up; but a call does not wait for that.
    let begin!: () => void;
    const due = new Promise<void>((resolve) => (begin = resolve));
    const cancel = this.#clock.after(TRUST_AFTER_MS, begin);
    const stamp = due.then(() => {
      cancel();
      return stampTree(this.#files.path(ref, active.version));
    });
    // Without a stamp the next use computes the digest.
    stamp.catch(() => this.forget(active));
    this.#verdicts.set(versionKey(active), { stamp, begin });
  }

  forget(version: VersionRecord): void {
    this.#verdicts.delete(versionKey(version));
  }

  /**
   * Resolves when the files of the record's active version are those that were deployed, as far as their stamp tells.
   * Rejects with CODE_UNAVAILABLE: from then on when the files are altered or missing, only this time when reading failed.
   */
  async verify(record: FunctionRecord): Promise<void> {
    const { ref, active } = record;
    const verdict = this.#verdicts.get(versionKey(active));
    if (verdict === undefined) {
      await this.#judge(record);
      return;
    }
    verdict.begin();
    const stamp = await verdict.stamp;
    const now = await stampTree(this.#files.path(ref, active.version)).catch(() => 'cannot be read');
    if (now === stamp) return;
    // Other callers may have noticed the change, too; the first of them computes the digest for all.
    const newer = this.#verdicts.get(versionKey(active));
    await (newer === undefined || newer === verdict ? this.#judge(record) : newer.stamp);
  }

  #judge(record: FunctionRecord): Promise<string> {
    const stamp = this.#compare(record);
    stamp.catch(() => undefined);
    this.#verdicts.set(versionKey(record.active), { stamp, begin: () => undefined });
    return stamp;
  }

  async #compare({ ref, active }: FunctionRecord): Promise<string> {
    const path = this.#files.path(ref, active.version);
    const about = { function: ref.name, version: active.version };
    let stamp: string;
    let found: string;
    try {
      // The stamp is made first: a change while the files are read then makes the next stamp differ.
      stamp = await stampTree(path).catch(() => 'cannot be read');
      found = (await digestTree(path)).digest;
    } catch (error) {
      this.#logger.error({ err: error, ...about }, 'the code of a function cannot be read');
      // The files may be unaltered (no free descriptor, a device that stumbles): the next call reads them again.
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
