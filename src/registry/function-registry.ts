/**
 * Owns the deployed functions: the only writer of the store's functions and of their files. `deploy/` decides what is
 * deployed, and whether it may be; the registry offers it a turn per name, the next version's record, and publishing.
 */
import type { Clock } from '../clock.js';
import { namedDiskError } from '../data/disk-error.js';
import { readSidecar } from '../data/sidecar.js';
import { GlambdarError } from '../errors.js';
import { faultPoint } from '../faults.js';
import type { Logger } from '../logger.js';
import type { FunctionCounters, FunctionRecord, VersionRecord } from '../model/function/function.js';
import { createFunctionId, type FunctionId } from '../model/function/id.js';
import { compareRefs, refKey, type FunctionRef } from '../model/function/ref.js';
import { DEFAULT_SETTINGS, settingsOfVersion, type FunctionSettings } from '../model/function/settings.js';
import type { CallStore } from '../store/call-store.js';
import type { FunctionStore } from '../store/function-store.js';
import { Catalogue } from './catalogue.js';
import { CodeIntegrity } from './code-integrity.js';
import { metadataOf, type FunctionMetadata } from './views/function-metadata.js';
import { KeyedMutex } from './keyed-mutex.js';
import { reconcile } from './reconcile.js';
import type { Registry } from './registry.js';
import { linkTree } from './tree.js';
import { KEPT_VERSIONS, VersionCollector } from './version-collector.js';
import { VersionFiles } from './version-files.js';
import { VersionLeases, type VersionLease } from './version-leases.js';
import { versionView, type VersionView } from './views/version-view.js';

export interface FunctionRegistryOptions {
  store: FunctionStore;
  /** Gives the counters at a start, and forgets the records of deleted functions. */
  calls: Pick<CallStore, 'listCounters' | 'forget' | 'forgetOthers'>;
  functionsDir: string;
  tmpDir: string;
  /** Called when new calls use this record. @param lastUsedAt epoch milliseconds, null when the function was never called */
  onActive: (record: FunctionRecord, lastUsedAt: number | null, deployed: boolean) => void;
  /** Called when a version is no longer the active one: idle instances that hold it should stop. */
  onRetired: (record: FunctionRecord) => Promise<void>;
  /** Called when a function was deleted, so that others forget it. `onRetired` follows. */
  onRemoved?: (record: FunctionRecord) => void;
  clock: Clock;
  logger: Logger;
}

/** The parts of a version besides its number and its function. */
export type Code = Pick<VersionRecord, 'digest' | 'sizeBytes' | 'source'>;

export class FunctionRegistry implements Registry {
  readonly #options: FunctionRegistryOptions;
  readonly #catalogue = new Catalogue();
  readonly #leases = new VersionLeases();
  readonly #files: VersionFiles;
  readonly #integrity: CodeIntegrity;
  /** Keyed by `refKey`, not by id: the files of all lives of a name lie in one directory. */
  readonly #mutex = new KeyedMutex();
  readonly #collector: VersionCollector;
  /** Namespaces that take no function any more. */
  readonly #closed = new Set<string>();

  constructor(options: FunctionRegistryOptions) {
    const { store, functionsDir, tmpDir, clock, logger } = options;
    this.#options = options;
    this.#files = new VersionFiles(functionsDir, tmpDir);
    this.#integrity = new CodeIntegrity(this.#files, clock, logger);
    this.#collector = new VersionCollector({
      store,
      leases: this.#leases,
      files: this.#files,
      integrity: this.#integrity,
      mutex: this.#mutex,
      logger,
    });
  }

  /** Reads the stores and removes the leftovers of a crash. To be called once, before all other methods. */
  async open(): Promise<void> {
    const { store, calls, logger, functionsDir, onActive } = this.#options;
    const stored = await store.list();
    await calls
      .forgetOthers(stored.map(({ id }) => id))
      .catch((err: unknown) => logger.warn({ err }, 'records of deleted functions could not be removed'));
    const counters = await calls.listCounters();
    const functions = stored.map((record) => ({
      ...record,
      settings: { ...DEFAULT_SETTINGS, ...record.settings },
    }));
    for (const record of functions) {
      this.#catalogue.set(record, counters.get(record.id));
      onActive(record, counters.get(record.id)?.lastInvokedAt ?? null, false);
    }
    const parts = { store, files: this.#files, collector: this.#collector, functionsDir, logger };
    await reconcile(functions, parts);
    for (const record of functions) await this.#collector.collect(record);
  }

  list(namespace: string): FunctionMetadata[] {
    return this.#catalogue
      .list()
      .filter(({ ref }) => ref.namespace === namespace)
      .map((record) => this.#metadataOf(record));
  }

  /** The records of all functions, sorted. */
  records(): FunctionRecord[] {
    return this.#catalogue.list();
  }

  get(ref: FunctionRef): FunctionMetadata {
    return this.#metadataOf(this.#catalogue.get(ref));
  }

  find(ref: FunctionRef): FunctionRecord | undefined {
    return this.#catalogue.find(ref);
  }

  byId(id: FunctionId): FunctionRecord | undefined {
    return this.#catalogue.byId(id);
  }

  /** The record of a deployed function. Throws FUNCTION_NOT_FOUND. */
  record(ref: FunctionRef): FunctionRecord {
    return this.#catalogue.get(ref);
  }

  /** Leases the active version: its files stay on disk until the lease is released. Throws FUNCTION_NOT_FOUND. */
  lease(ref: FunctionRef): VersionLease {
    return this.#leases.take(this.#catalogue.get(ref));
  }

  /** Whether calls that begin now run this version. */
  isActive(version: VersionRecord): boolean {
    return this.#catalogue.isActive(version);
  }

  /** Live counters of a function, to be changed in place; undefined once the function is gone. */
  counters(id: FunctionId): FunctionCounters | undefined {
    return this.#catalogue.counters(id);
  }

  /** Makes a hard-link copy of the files of the record's active version at `target`. Rejects with CODE_UNAVAILABLE. */
  async copyCode(record: FunctionRecord, target: string): Promise<void> {
    await this.verifyCode(record);
    await linkTree(this.#files.path(record.ref, record.active.version), target);
  }

  /** Resolves when the files of the record's active version are those that were deployed. Rejects with CODE_UNAVAILABLE. */
  verifyCode(record: FunctionRecord): Promise<void> {
    return this.#integrity.verify(record);
  }

  async remove(ref: FunctionRef): Promise<void> {
    this.#catalogue.get(ref);
    await this.inTurn(ref, () => this.#remove(this.#catalogue.get(ref)));
    // The files of unused versions are removed in turns of the same name: when this further turn comes, they are gone.
    await this.inTurn(ref, () => Promise.resolve());
    faultPoint('delete.removed');
  }

  async removeNamespace(
    namespace: string,
    removed: (name: string) => void = () => undefined,
  ): Promise<string[]> {
    this.#closed.add(namespace);
    // A deploy that was about to publish when the namespace was closed has published once its turn is over.
    const inUse = this.#mutex.keys().filter((key) => key.startsWith(refKey({ namespace, name: '' })));
    await Promise.all(inUse.map((key) => this.#mutex.run(key, () => Promise.resolve())));
    const names = this.list(namespace).map(({ name }) => name);
    for (const name of names) {
      try {
        await this.remove({ namespace, name });
      } catch (error) {
        // Somebody else has deleted it meanwhile.
        if (error instanceof GlambdarError && error.code === 'FUNCTION_NOT_FOUND') continue;
        throw error;
      }
      removed(name);
    }
    return names;
  }

  /** Runs `work` after all earlier turns of this name have settled. The methods that follow are to be called in such a turn. */
  inTurn<T>(ref: FunctionRef, work: () => Promise<T>): Promise<T> {
    return this.#mutex.run(refKey(ref), work);
  }

  /** A path in staging that does not exist yet. The caller removes the tree it puts there. */
  stagingPath(): string {
    return this.#files.stagingPath();
  }

  /**
   * The record that a function will have when this code is published. A name that is not deployed begins a new life.
   * @param newId the id of a new life
   */
  candidate(
    ref: FunctionRef,
    settings: FunctionSettings,
    code: Code,
    newId: FunctionId = createFunctionId(),
  ): FunctionRecord {
    const before = this.#catalogue.find(ref);
    const id = before?.id ?? newId;
    const version = 1 + Math.max(before?.active.version ?? 0, this.#files.highest(ref));
    const now = Date.now();
    const { digest, sizeBytes, source } = code;
    const active = { functionId: id, version, digest, sizeBytes, createdAt: now, source };
    const updatedAt = before === undefined ? now : after(before);
    return { id, ref, createdAt: before?.createdAt ?? now, updatedAt, active, settings };
  }

  /** The kept versions of a function, newest first. Rejects with FUNCTION_NOT_FOUND. */
  async versions(ref: FunctionRef): Promise<VersionView[]> {
    const { id, active } = this.#catalogue.get(ref);
    const versions = await this.#keptVersions(id);
    return versions.map((version) => versionView(version, active));
  }

  /**
   * The record that a function will have when it goes back to a kept version: with the settings of that version that belong to
   * versions, and its other settings as they are. Rejects with FUNCTION_NOT_FOUND, VERSION_NOT_FOUND, or CODE_UNAVAILABLE when
   * the record beside the version's code cannot be read.
   */
  async earlier(ref: FunctionRef, version: number): Promise<FunctionRecord> {
    const before = this.#catalogue.get(ref);
    if (version === before.active.version) return before;
    const active = await this.#keptVersion(before, version);
    const then = readSidecar(this.#options.functionsDir, ref, version)?.record;
    if (then?.id !== before.id)
      throw new GlambdarError(
        'CODE_UNAVAILABLE',
        `The settings of version ${version} of "${ref.name}" cannot be read on the server's disk. Deploy its code again.`,
      );
    const settings = settingsOfVersion(before.settings, { ...DEFAULT_SETTINGS, ...then.settings });
    return { ...before, active, settings, updatedAt: after(before) };
  }

  /**
   * Makes a record of `earlier` the one that new calls use, in one durable transaction: a crash leaves the version before or
   * this one. Rejects with StoreError, or VERSION_NOT_FOUND when the version has gone.
   */
  async goBack(candidate: FunctionRecord): Promise<void> {
    const { store, onRetired } = this.#options;
    const { id, ref, active, settings, updatedAt } = candidate;
    const before = this.#catalogue.get(ref);
    const record = await store.activate(id, active.version, settings, updatedAt);
    if (record === undefined) throw versionNotFound(active.version, await this.#keptVersions(id));
    faultPoint('rollback.committed');
    this.#activate(record);
    void onRetired(before);
    await this.#renewSidecar(record);
  }

  /**
   * A kept version of a bundle, whose files stay on disk until the lease is released; by default the active one. Rejects with
   * FUNCTION_NOT_FOUND, VERSION_NOT_FOUND, INVALID_REQUEST for an image, or CODE_UNAVAILABLE.
   */
  async leaseCode(ref: FunctionRef, version?: number): Promise<VersionLease & { dir: string }> {
    const record = this.#catalogue.get(ref);
    const active = version === undefined ? record.active : await this.#keptVersion(record, version);
    if (active.source.type === 'image')
      throw new GlambdarError(
        'INVALID_REQUEST',
        `Version ${active.version} of "${ref.name}" is the image ${active.source.image ?? '(none)'}: its code is in the image, and ` +
          'cannot be had from here.',
      );
    const lease = this.#leases.take({ ...record, active });
    try {
      await this.verifyCode(lease.record);
    } catch (error) {
      lease.release();
      throw error;
    }
    return { ...lease, dir: this.codePath(lease.record) };
  }

  /** Where the files of the record's active version lie. */
  codePath({ ref, active }: FunctionRecord): string {
    return this.#files.path(ref, active.version);
  }

  /**
   * Makes a candidate with its staged, durable tree the active version: a rename, one durable transaction, then in memory.
   * After a failure nothing of the candidate is left, and the earlier version serves. Rejects with INVALID_NAME, NOT_FOUND (the
   * namespace was removed), StoreError or the file system's errors.
   */
  async publish(candidate: FunctionRecord, stagedDir: string): Promise<void> {
    const { store, onRetired } = this.#options;
    const { ref, active, settings } = candidate;
    const before = this.#catalogue.find(ref);
    if (this.#closed.has(ref.namespace))
      throw new GlambdarError('NOT_FOUND', 'There is no such namespace: its user was removed.');
    // After a crash from here on, the next start knows that it may remove the candidate's files.
    await store.doom([{ ref, version: active.version }]);
    let record: FunctionRecord;
    try {
      await this.#files.publish(stagedDir, candidate);
      record = await store.publish({ ref, version: active, settings, at: candidate.updatedAt });
    } catch (error) {
      await this.#collector.remove(ref, [active.version]).catch(() => undefined);
      throw error;
    }
    faultPoint('deploy.committed');
    this.#integrity.trust(record);
    this.#activate(record);
    if (before) void onRetired(before);
    await this.#collector.collect(record);
  }

  /** Replaces settings that need no new version. Rejects with StoreError. */
  async updateSettings(before: FunctionRecord, settings: FunctionSettings): Promise<void> {
    const record = await this.#options.store.updateSettings(before.id, settings, after(before));
    if (!record) throw new GlambdarError('FUNCTION_NOT_FOUND', 'Function not found!');
    if (before.settings.isolation !== settings.isolation) void this.#options.onRetired(before);
    this.#activate(record);
    await this.#renewSidecar(record);
  }

  /**
   * Writes what the store has already beside the code. Of several sidecars the one that was updated last is of the active
   * version. When it cannot be written, the next start tries again.
   */
  async #renewSidecar(record: FunctionRecord): Promise<void> {
    await this.#files
      .writeSidecar(record)
      .catch((err: unknown) =>
        this.#options.logger.warn(
          { err, function: record.ref.name },
          'the record beside the code of a function could not be written',
        ),
      );
  }

  /** At most as many as are kept: a store that failed to forget one tries again after the next deploy. */
  async #keptVersions(id: FunctionId): Promise<VersionRecord[]> {
    return (await this.#options.store.listVersions(id)).slice(0, KEPT_VERSIONS);
  }

  async #keptVersion({ id }: FunctionRecord, version: number): Promise<VersionRecord> {
    const versions = await this.#keptVersions(id);
    const found = versions.find((kept) => kept.version === version);
    if (found === undefined) throw versionNotFound(version, versions);
    return found;
  }

  async #remove(record: FunctionRecord): Promise<void> {
    const { store, calls, logger, onRemoved, onRetired } = this.#options;
    const { id, ref } = record;
    const versions = await store.listVersions(id);
    const leftovers = await this.#leftovers(ref, versions);
    faultPoint('delete.begun');
    try {
      await store.remove(id, leftovers);
    } catch (error) {
      throw namedDiskError(error);
    }
    faultPoint('delete.committed');
    this.#catalogue.delete(record);
    await this.#collector
      .remove(ref, leftovers)
      .catch((err: unknown) => logger.error({ err, function: ref.name }, 'old code could not be removed'));
    for (const version of versions) this.#collector.removeWhenFree(ref, version);
    onRemoved?.(record);
    // Records of a deleted function are never shown, and the next start tries again to remove them.
    await calls
      .forget(id)
      .catch((err: unknown) =>
        logger.warn({ err, function: ref.name }, 'records of a deleted function could not be removed'),
      );
    await onRetired(record);
  }

  /** Versions on disk under this name that the store does not know. Deleting the function deletes them, too. */
  async #leftovers(ref: FunctionRef, versions: VersionRecord[]): Promise<number[]> {
    const doomed = (await this.#options.store.listDoomed()).filter(
      (other) => compareRefs(other.ref, ref) === 0,
    );
    const known = new Set([...versions, ...doomed].map(({ version }) => version));
    return this.#files
      .list(ref)
      .map(({ version }) => version)
      .filter((version) => !known.has(version));
  }

  #metadataOf(record: FunctionRecord): FunctionMetadata {
    return metadataOf(record, this.#catalogue.counters(record.id)!);
  }

  #activate(record: FunctionRecord): void {
    this.#catalogue.set(record);
    const lastUsedAt = this.#catalogue.counters(record.id)?.lastInvokedAt ?? null;
    this.#options.onActive(record, lastUsedAt, true);
  }
}

/** A time for a change of a record, later than that of the change before, whatever the machine's clock says. */
function after(before: FunctionRecord): number {
  return Math.max(Date.now(), before.updatedAt + 1);
}

function versionNotFound(version: number, kept: readonly VersionRecord[]): GlambdarError {
  const numbers = kept.map((other) => other.version);
  return new GlambdarError(
    'VERSION_NOT_FOUND',
    `There is no version ${version}; kept are ${numbers.join(', ')}, the newest ${KEPT_VERSIONS} of a function.`,
    { details: { versions: numbers } },
  );
}
