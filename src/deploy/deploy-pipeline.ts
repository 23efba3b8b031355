/**
 * Owns deploying and configuring functions.
 *
 * A deploy, in order: archive → staging (checked, durable) → dependencies → load check in a container → published by the
 * registry (rename, one durable transaction, in memory) → 201. If the deploy ends before the transaction, the old version
 * goes on serving; files that a crash leaves after the rename are removed at the next start.
 */
import { namedDiskError } from '../data/disk-error.js';
import { faultPoint } from '../faults.js';
import type { FunctionRecord } from '../model/function/function.js';
import type { FunctionRef } from '../model/function/ref.js';
import {
  applySettings,
  DEFAULT_SETTINGS,
  parseSettingsFields,
  parseSettingsPatch,
  type FunctionSettings,
} from '../model/function/settings.js';
import { NODE_BUNDLE } from '../model/function/source.js';
import type { Code, FunctionRegistry } from '../registry/function-registry.js';
import { digestManifest } from '../registry/tree-digest.js';
import { fsyncDir, removeTree } from '../registry/tree.js';
import { extractBundle, type ExtractedBundle } from './archive/bundle.js';
import { Limiter } from './archive/limiter.js';
import type { Dependencies } from './dependencies.js';
import type { BundleSource, Deployments, DeployRequest, DeployResult } from './deployments.js';
import type { LoadCheck } from './load-check.js';

/** Time limit for unpacking. A legal archive takes seconds; this stops archives that are built to take longer. */
const EXTRACT_TIMEOUT_MS = 120_000;
/** Archives unpacked at once: each may take the memory of its zip and twice its largest file, and eight threads to sync. */
const EXTRACTIONS = 2;

export interface DeployPipelineOptions {
  registry: FunctionRegistry;
  limits: { maxArchiveBytes: number; maxUnpackedBytes: number; maxEntries: number };
  /** Throws DISK_FULL when this many bytes do not fit beside the reserve. */
  assertSpace: (bytes: number) => void;
  dependencies: Dependencies;
  loadCheck: LoadCheck;
}

export class DeployPipeline implements Deployments {
  readonly #options: DeployPipelineOptions;
  readonly #extractions = new Limiter(EXTRACTIONS);

  constructor(options: DeployPipelineOptions) {
    this.#options = options;
  }

  async deploy(request: DeployRequest): Promise<DeployResult> {
    const { source, ref, fields, progress = () => undefined } = request;
    const { registry, assertSpace } = this.#options;
    const formPatch = parseSettingsFields(fields);
    assertSpace(0);
    return this.#staging(async (staged) => {
      faultPoint('deploy.staged');
      const bundle = await this.#extractions.run(() => this.#extract(source, staged));
      const filePatch = bundle.config === undefined ? {} : parseSettingsPatch(bundle.config, 'glambdar.json');
      const settingsNow = (): FunctionSettings => {
        const before = registry.find(ref)?.settings ?? DEFAULT_SETTINGS;
        return applySettings(before, { ...filePatch, ...formPatch }).settings;
      };
      // Before the turn, because an install may take minutes.
      const { notes, ...code } = await this.#complete(bundle, staged, request, settingsNow());
      assertSpace(0);
      faultPoint('deploy.extracted');
      return registry.inTurn(ref, async () => {
        const settings = settingsNow();
        progress('Loading the function.');
        const { active } = await this.#publish(registry.candidate(ref, settings, code), staged);
        const result = { function: ref.name, version: active.version, digest: active.digest };
        return notes.length === 0 ? result : { ...result, notes };
      });
    });
  }

  async configure(ref: FunctionRef, patch: unknown): Promise<Partial<FunctionSettings>> {
    const { registry } = this.#options;
    registry.record(ref);
    const parsed = parseSettingsPatch(patch, 'settings');
    return registry.inTurn(ref, async () => {
      const before = registry.record(ref);
      const { settings, changed, newVersion } = applySettings(before.settings, parsed);
      try {
        if (newVersion) await this.#republish(before, settings);
        else if (Object.keys(changed).length > 0) await registry.updateSettings(before, settings);
      } catch (error) {
        throw namedDiskError(error);
      }
      return changed;
    });
  }

  #extract(source: BundleSource, targetDir: string): Promise<ExtractedBundle> {
    const { limits } = this.#options;
    return extractBundle({ source, targetDir, limits, timeoutMs: EXTRACT_TIMEOUT_MS });
  }

  /** Adds to the staged tree the dependencies that the code did not bring, and describes the result. */
  async #complete(
    bundle: ExtractedBundle,
    staged: string,
    { ref, signal = new AbortController().signal, progress = () => undefined }: DeployRequest,
    { installScripts }: FunctionSettings,
  ): Promise<Code & { notes: string[] }> {
    const { strippedFolder } = bundle;
    const source = strippedFolder === null ? NODE_BUNDLE : { ...NODE_BUNDLE, folder: strippedFolder };
    const added = await this.#options.dependencies.add({
      treeDir: staged,
      sizeBytes: bundle.sizeBytes,
      entries: bundle.entries,
      namespace: ref.namespace,
      installScripts,
      signal,
      progress,
    });
    if (added === undefined) return { digest: bundle.digest, sizeBytes: bundle.sizeBytes, source, notes: [] };
    return {
      digest: digestManifest([...bundle.manifest, ...added.files]),
      sizeBytes: bundle.sizeBytes + added.sizeBytes,
      source,
      notes: added.notes,
    };
  }

  /** Publishes the same code as a new version, for new settings that shape its container. */
  async #republish(before: FunctionRecord, settings: FunctionSettings): Promise<void> {
    const { registry } = this.#options;
    const lease = registry.lease(before.ref);
    try {
      await this.#staging(async (staged) => {
        await registry.copyCode(before, staged);
        await fsyncDir(staged);
        await this.#publish(registry.candidate(before.ref, settings, before.active), staged);
      });
    } finally {
      lease.release();
    }
  }

  async #publish(candidate: FunctionRecord, staged: string): Promise<FunctionRecord> {
    const { registry, loadCheck } = this.#options;
    const discard = await loadCheck(candidate, staged);
    faultPoint('deploy.loaded');
    try {
      await registry.publish(candidate, staged);
    } catch (error) {
      discard();
      throw error;
    }
    return candidate;
  }

  /** Runs `work` with a path in staging, and removes any tree left there. Errors of a full disk become DISK_FULL. */
  async #staging<T>(work: (staged: string) => Promise<T>): Promise<T> {
    const staged = this.#options.registry.stagingPath();
    try {
      return await work(staged);
    } catch (error) {
      throw namedDiskError(error);
    } finally {
      this.#options.dependencies.release(staged);
      await removeTree(staged).catch(() => undefined);
    }
  }
}
