/**
 * Owns bringing the files on disk into line with the store at a start. Code is removed only when the store knows that
 * nobody needs it. Code that the store does not know is kept and logged: the store may have been rebuilt from the readable
 * sidecars, or replaced by an older copy.
 */
import type { Logger } from '../logger.js';
import { readSidecar } from '../data/sidecar.js';
import type { FunctionRecord, VersionRecord } from '../model/function/function.js';
import { refKey, shownRef } from '../model/function/ref.js';
import type { FunctionStore, VersionOnDisk } from '../store/function-store.js';
import type { VersionCollector } from './version-collector.js';
import type { VersionFiles } from './version-files.js';

export interface ReconcileOptions {
  store: FunctionStore;
  files: VersionFiles;
  collector: VersionCollector;
  functionsDir: string;
  logger: Logger;
}

/** @param functions every deployed function */
export async function reconcile(functions: FunctionRecord[], options: ReconcileOptions): Promise<void> {
  const { store, files, collector, logger } = options;
  // 1. Leftovers of deploys and deletes that a crash ended.
  const doomed = await store.listDoomed();
  for (const { ref, version } of doomed) await collector.remove(ref, [version]);
  if (doomed.length > 0)
    logger.warn({ removed: doomed.map(shown) }, 'removed code that was never published or already deleted');
  await files.removeEmpty();
  // 2. Published versions: is the code there, and does the sidecar agree with the store?
  const known = new Set<string>();
  for (const record of functions) {
    for (const version of await store.listVersions(record.id)) {
      known.add(`${refKey(record.ref)}@${version.version}`);
      await renewSidecar(record, version, options);
    }
    if (!(await files.exists(record.ref, record.active.version)))
      logger.error(
        { function: record.ref.name, version: record.active.version },
        'the code of a function is missing; its calls are refused',
      );
  }
  // 3. Versions on disk that the store does not know.
  const unknown = files.list().filter(({ ref, version }) => !known.has(`${refKey(ref)}@${version}`));
  if (unknown.length > 0)
    logger.error(
      { kept: unknown.map(shown) },
      'code that the store knows nothing of is kept and not served; deploying a function of that name and deleting it removes it',
    );
}

/**
 * Brings the sidecar of a version to today's form, when a release without ids wrote it, or it is missing or garbled, or of an
 * earlier change than the store's record of the active version. The settings of another version without a readable sidecar
 * are unknown, so that version gets none.
 */
async function renewSidecar(
  record: FunctionRecord,
  version: VersionRecord,
  { files, functionsDir, logger }: ReconcileOptions,
): Promise<void> {
  const found = readSidecar(functionsDir, record.ref, version.version);
  const isActive = version.version === record.active.version;
  const isBehind = isActive && (found?.record.updatedAt ?? 0) < record.updatedAt;
  if (found && !found.isEarlier && found.record.id === record.id && !isBehind) return;
  if (!isActive && !found?.isEarlier) return;
  try {
    await files.writeSidecar(isActive ? record : { ...found!.record, id: record.id, active: { ...version } });
  } catch (err) {
    // The disk may be full. The store has all of the record; the next start tries again.
    logger.warn(
      { err, function: record.ref.name },
      'the record beside the code of a function could not be written',
    );
  }
}

function shown({ ref, version }: VersionOnDisk): string {
  return `${shownRef(ref)}@${version}`;
}
