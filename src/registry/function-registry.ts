/**
 * Owns deploying, changing and removing functions: the only writer of the store's functions and of their files.
 *
 * A deploy, in order: archive → staging (checked, durable) → load check in a container → rename to its place →
 * one durable transaction → in memory → 201. Whatever ends it before the transaction leaves the old version serving;
 * what the rename left is removed at the next start.
 */
import { GlambdarError } from '../errors.js';
import { faultPoint } from '../faults.js';
import type { Logger } from '../logger.js';
import type { FunctionRecord, FunctionSettings, VersionRecord } from '../model/records.js';
import type { Store } from '../store/store.js';
import { extractBundle } from '../deploy/archive/bundle.js';
import { Catalogue, type VersionLease } from './catalogue.js';
import { CodeIntegrity } from './code-integrity.js';
import {
  applySettings,
  DEFAULT_SETTINGS,
  parseSettingsFields,
  parseSettingsPatch,
} from '../model/settings.js';
import { namedDiskError } from '../data/disk-error.js';
import { metadataOf, sidecarOf } from './function-metadata.js';
import { KeyedMutex } from './keyed-mutex.js';
import { Limiter } from '../deploy/archive/limiter.js';
import type { DeployRequest, DeployResult, FunctionMetadata, Registry } from './registry.js';
import { fsyncDir, linkTree, removeTree } from './tree.js';
import { VersionCollector } from './version-collector.js';
import { VersionFiles } from './version-files.js';

/** Unpacking a legal archive takes seconds; this ends what is built to take longer. */
const EXTRACT_TIMEOUT_MS = 120_000;
/** Archives unpacked at once: each may take the memory of its zip and twice its largest file, and eight threads to sync. */
const EXTRACTIONS = 2;

export interface FunctionRegistryOptions {
  store: Store;
  functionsDir: string;
  tmpDir: string;
  limits: { maxZipBytes: number; maxUnpackedBytes: number; maxEntries: number };
  /** Throws DISK_FULL when this much does not fit beside the reserve. */
  assertSpace: (bytes: number) => void;
  /**
   * Loads the candidate in a container of its own, which stays ready; resolves to what lets that go, for a candidate
   * that is not published. Rejects with LOAD_FAILED when its code does not load.
   */
  loadCheck: (candidate: FunctionRecord, treeDir: string) => Promise<() => void>;
  /** Calls that begin now use this record. @param lastUsedAt epoch milliseconds, null when it was never called */
  onActive: (record: FunctionRecord, lastUsedAt: number | null, deployed: boolean) => void;
  /** A version stopped being the active one: idle instances that hold it should go. */
  onRetired: (record: FunctionRecord) => Promise<void>;
  logger: Logger;
}

export class FunctionRegistry implements Registry {
  #options: FunctionRegistryOptions;
  #catalogue = new Catalogue();
  #files: VersionFiles;
  #integrity: CodeIntegrity;
  #mutex = new KeyedMutex();
  #extractions = new Limiter(EXTRACTIONS);
  #collector: VersionCollector;

  constructor(options: FunctionRegistryOptions) {
    this.#options = options;
    this.#files = new VersionFiles(options.functionsDir, options.tmpDir);
    this.#integrity = new CodeIntegrity(this.#files, options.logger);
    this.#collector = new VersionCollector({
      store: options.store,
      catalogue: this.#catalogue,
      files: this.#files,
      integrity: this.#integrity,
      mutex: this.#mutex,
      logger: options.logger,
    });
  }

  /** Reads the store and removes what a crash left on disk. To be called once, before anything else. */
  async open(): Promise<void> {
    const { store, logger } = this.#options;
    const counters = store.listCounters();
    const known = new Set<string>();
    for (const record of store.listFunctions()) {
      const whole = { ...record, settings: { ...DEFAULT_SETTINGS, ...record.settings } };
      this.#catalogue.set(whole, counters.get(record.name));
      this.#options.onActive(whole, counters.get(record.name)?.lastInvokedAt ?? null, false);
      for (const { name, version } of store.listVersions(record.name)) known.add(`${name}@${version}`);
      if (!(await this.#files.exists(record.name, record.active.version)))
        logger.error(
          { function: record.name, version: record.active.version },
          'the code of a function is missing; its calls are refused',
        );
    }
    const removed = await this.#files.reconcile((name, version) => known.has(`${name}@${version}`));
    if (removed.length > 0)
      logger.warn({ removed }, 'removed code that was never published or already deleted');
    for (const record of this.#catalogue.list()) this.#collector.collect(record.name);
  }

  /** For the invoker: the active version, kept on disk until released. Throws FUNCTION_NOT_FOUND. */
  lease(name: string): VersionLease {
    return this.#catalogue.lease(name);
  }

  /** Whether calls that begin now run this version. */
  isActive(version: VersionRecord): boolean {
    return this.#catalogue.isActive(version);
  }

  /** Live counters of a function, to be changed in place; undefined once it is gone. */
  counters(name: string) {
    return this.#catalogue.counters(name);
  }

  /** A hard-link copy of a version's verified files at `target`. Rejects with CODE_UNAVAILABLE. */
  async copyCode(version: VersionRecord, target: string): Promise<void> {
    await this.#integrity.verify(version);
    await linkTree(this.#files.path(version.name, version.version), target);
  }

  list(): FunctionMetadata[] {
    return this.#catalogue.list().map((record) => metadataOf(record, this.#catalogue.counters(record.name)!));
  }

  get(name: string): FunctionMetadata {
    const record = this.#catalogue.get(name);
    return metadataOf(record, this.#catalogue.counters(name)!);
  }

  async deploy({ zipPath, name, fields }: DeployRequest): Promise<DeployResult> {
    const { limits, assertSpace } = this.#options;
    const formPatch = parseSettingsFields(fields);
    assertSpace(0);
    const staged = this.#files.stagingPath();
    try {
      faultPoint('deploy.staged');
      const job = {
        source: { format: 'zip', path: zipPath } as const,
        targetDir: staged,
        limits: { ...limits, maxArchiveBytes: limits.maxZipBytes },
        timeoutMs: EXTRACT_TIMEOUT_MS,
      };
      const bundle = await this.#extractions.run(() => extractBundle(job));
      assertSpace(0);
      faultPoint('deploy.extracted');
      const filePatch = bundle.config === undefined ? {} : parseSettingsPatch(bundle.config, 'glambdar.json');
      return await this.#mutex.run(name, async () => {
        const before = this.#catalogue.find(name);
        const { settings } = applySettings(before?.settings ?? DEFAULT_SETTINGS, {
          ...filePatch,
          ...formPatch,
        });
        const candidate = await this.#candidate(name, settings, bundle);
        await this.#publish(candidate, staged);
        return { function: name, version: candidate.active.version, digest: bundle.digest };
      });
    } catch (error) {
      throw namedDiskError(error);
    } finally {
      await removeTree(staged).catch(() => undefined);
    }
  }

  async configure(name: string, patch: unknown): Promise<Partial<FunctionSettings>> {
    this.#catalogue.get(name);
    const parsed = parseSettingsPatch(patch, 'settings');
    return this.#mutex.run(name, async () => {
      const before = this.#catalogue.get(name);
      const { settings, changed, newVersion } = applySettings(before.settings, parsed);
      try {
        if (newVersion) await this.#republish(before, settings);
        else if (Object.keys(changed).length > 0) await this.#updateSettings(before, settings);
      } catch (error) {
        throw namedDiskError(error);
      }
      return changed;
    });
  }

  async remove(name: string): Promise<void> {
    this.#catalogue.get(name);
    await this.#mutex.run(name, async () => {
      const record = this.#catalogue.get(name);
      const versions = this.#options.store.listVersions(name);
      faultPoint('delete.begun');
      try {
        this.#options.store.removeFunction(name);
      } catch (error) {
        throw namedDiskError(error);
      }
      faultPoint('delete.committed');
      this.#catalogue.delete(name);
      for (const version of versions) this.#collector.removeWhenFree(version);
      await this.#options.onRetired(record);
    });
    // The files of versions nobody uses are removed under the same key: once this turn comes they are gone.
    await this.#mutex.run(name, () => Promise.resolve());
    faultPoint('delete.removed');
  }

  async #candidate(
    name: string,
    settings: FunctionSettings,
    code: { digest: string; sizeBytes: number },
  ): Promise<FunctionRecord> {
    const before = this.#catalogue.find(name);
    const now = Date.now();
    const version = 1 + Math.max(before?.active.version ?? 0, await this.#files.highest(name));
    const active = { name, version, digest: code.digest, sizeBytes: code.sizeBytes, createdAt: now };
    return { name, createdAt: before?.createdAt ?? now, updatedAt: now, active, settings };
  }

  async #publish(candidate: FunctionRecord, staged: string): Promise<void> {
    const { store, loadCheck, onRetired } = this.#options;
    const discard = await loadCheck(candidate, staged);
    faultPoint('deploy.loaded');
    const before = this.#catalogue.find(candidate.name);
    try {
      await this.#files.publish(staged, sidecarOf(candidate));
      this.#activate(
        store.publish({ version: candidate.active, settings: candidate.settings, at: candidate.updatedAt }),
      );
    } catch (error) {
      discard();
      await this.#files.remove(candidate.name, [candidate.active.version]).catch(() => undefined);
      throw error;
    }
    faultPoint('deploy.committed');
    this.#integrity.trust(candidate.active);
    if (before) void onRetired(before);
    this.#collector.collect(candidate.name);
  }

  /** The same code under new settings that shape its container. */
  async #republish(before: FunctionRecord, settings: FunctionSettings): Promise<void> {
    const staged = this.#files.stagingPath();
    const lease = this.#catalogue.lease(before.name);
    try {
      await this.copyCode(before.active, staged);
      await fsyncDir(staged);
      await this.#publish(await this.#candidate(before.name, settings, before.active), staged);
    } finally {
      lease.release();
      await removeTree(staged).catch(() => undefined);
    }
  }

  async #updateSettings(before: FunctionRecord, settings: FunctionSettings): Promise<void> {
    const now = Date.now();
    const record = this.#options.store.updateSettings(before.name, settings, now);
    if (!record) throw new GlambdarError('FUNCTION_NOT_FOUND', 'Function not found!');
    await this.#files.writeSidecar(sidecarOf(record));
    if (before.settings.isolation !== settings.isolation) void this.#options.onRetired(before);
    this.#activate(record);
  }
  #activate(record: FunctionRecord): void {
    this.#catalogue.set(record);
    const lastUsedAt = this.#catalogue.counters(record.name)?.lastInvokedAt ?? null;
    this.#options.onActive(record, lastUsedAt, true);
  }
}
