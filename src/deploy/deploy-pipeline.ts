/**
 * Owns deploying and configuring functions, and going back to an earlier version.
 *
 * A deploy, in order: archive → staging (checked, durable) → entry file found → dependencies → load check in a container →
 * published by the registry (rename, one durable transaction, in memory) → 201. If the deploy ends before the transaction, the
 * old version goes on serving; files that a crash leaves after the rename are removed at the next start.
 */
import { mkdir } from 'node:fs/promises';
import { namedDiskError } from '../data/disk-error.js';
import { faultPoint } from '../faults.js';
import { GlambdarError } from '../errors.js';
import { parseImageReference } from '../model/container-image.js';
import { assertContractFits, defaultContract } from '../model/contracts.js';
import type { FunctionRecord } from '../model/function/function.js';
import { parseFunctionName } from '../model/function/function-name.js';
import type { FunctionRef } from '../model/function/ref.js';
import {
  applySettings,
  DEFAULT_SETTINGS,
  mergePatches,
  parseSettingsFields,
  parseSettingsPatch,
  type FunctionSettings,
  type SettingsPatch,
} from '../model/function/settings.js';
import { handlerInBundle, NODE_BUNDLE, type ImageSource, type Source } from '../model/function/source.js';
import type { Code, FunctionRegistry } from '../registry/function-registry.js';
import { digestManifest, digestTree } from '../registry/tree-digest.js';
import { fsyncDir, removeTree } from '../registry/tree.js';
import { extractBundle, type ExtractedBundle } from './archive/bundle.js';
import { Limiter } from './archive/limiter.js';
import { packTree } from './archive/writers/zip-writer.js';
import type { Dependencies } from './dependencies.js';
import type {
  BundleSource,
  CodeArchive,
  ConfigureResult,
  DeployImageRequest,
  Deployments,
  DeployRequest,
  DeployResult,
} from './deployments.js';
import { entryHints, type ForeseeEntry } from './entry-file.js';
import type { ImageSupply } from './image-supply.js';
import type { NamespaceRoom } from './namespace-room.js';
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
  foreseeEntry: ForeseeEntry;
  loadCheck: LoadCheck;
  images: ImageSupply;
  room: NamespaceRoom;
  /** The network of a new function whose settings name none; default: none. */
  defaultNetwork?: FunctionSettings['network'];
}

export class DeployPipeline implements Deployments {
  readonly #options: DeployPipelineOptions;
  readonly #extractions = new Limiter(EXTRACTIONS);

  constructor(options: DeployPipelineOptions) {
    this.#options = options;
  }

  async deploy(request: DeployRequest): Promise<DeployResult> {
    const { source, fields, mayBridge = false, progress = () => undefined } = request;
    const { registry, assertSpace } = this.#options;
    const formPatch = parseSettingsFields(fields);
    assertSpace(0);
    return this.#staging(async (staged) => {
      faultPoint('deploy.staged');
      const bundle = await this.#extractions.run(() => this.#extract(source, staged));
      const { description } = bundle;
      const ref =
        description.name === undefined
          ? request.ref
          : { ...request.ref, name: parseFunctionName(description.name) };
      const filePatch = {
        ...parseSettingsPatch(description.settings ?? {}, 'config.json'),
        ...parseSettingsPatch(withoutSchema(bundle.config ?? {}), 'glambdar.json'),
      };
      const settingsNow = (): FunctionSettings =>
        this.#settings(ref, 'bundle', mergePatches(filePatch, formPatch), mayBridge);
      // Before the turn, because an install may take minutes.
      const {
        notes,
        hints: fileHints,
        ...code
      } = await this.#complete(bundle, staged, request, settingsNow());
      assertSpace(0);
      faultPoint('deploy.extracted');
      return registry.inTurn(ref, async () => {
        const settings = settingsNow();
        progress('Loading the function.');
        const candidate = registry.candidate(ref, settings, code);
        const loadHints = await this.#publish(candidate, staged, request.assertAllowed);
        const hints = [...fileHints, ...loadHints];
        const { version, digest } = candidate.active;
        return {
          function: ref.name,
          version,
          digest,
          ...(notes.length > 0 && { notes }),
          ...(hints.length > 0 && { hints }),
        };
      });
    });
  }

  async deployImage(request: DeployImageRequest): Promise<FunctionRecord> {
    const { ref, image, settings, owner, id, pull, assertAllowed } = request;
    const { registry, assertSpace, images } = this.#options;
    const patch = parseSettingsPatch(settings, 'settings');
    const reference = image === null ? null : parseImageReference(image);
    this.#settings(ref, 'image', patch, false); // so that a wrong contract is refused before anything is pulled
    assertSpace(0);
    const assertNew = (): void => {
      if (id === undefined || registry.find(ref) === undefined) return;
      throw new GlambdarError(
        'INVALID_REQUEST',
        `A function is called "${ref.name}" already; choose another name.`,
      );
    };
    assertNew();
    const supplied = reference === null ? null : await images.obtain(reference, pull ?? 'missing');
    return registry.inTurn(ref, async () => {
      assertNew();
      const before = registry.find(ref);
      const then = before?.active.source;
      const named = owner ?? (then?.type === 'image' ? then.owner : undefined);
      const source: ImageSource = {
        type: 'image',
        image: reference,
        digest: supplied?.digest ?? null,
        ports: supplied?.ports ?? [],
        ...(named === undefined ? {} : { owner: named }),
      };
      const applied = this.#settings(ref, 'image', patch, false);
      if (before && sameText(then, source) && sameText(before.settings, applied)) return before;
      return this.#publishImage((emptyDigest) => {
        const { digest, sizeBytes } = supplied ?? { digest: emptyDigest, sizeBytes: 0 };
        return registry.candidate(ref, applied, { digest, sizeBytes, source }, id);
      }, assertAllowed);
    });
  }

  async configure(
    ref: FunctionRef,
    patch: unknown,
    { mayBridge }: { mayBridge: boolean } = { mayBridge: false },
  ): Promise<ConfigureResult> {
    const { registry } = this.#options;
    registry.record(ref);
    const parsed = parseSettingsPatch(patch, 'settings');
    return registry.inTurn(ref, async () => {
      const before = registry.record(ref);
      const { settings, changed, newVersion } = applySettings(before.settings, parsed);
      assertContractFits(settings.contract, before.active.source.type);
      assertMayBridge(before.settings, settings, mayBridge);
      try {
        if (newVersion) await this.#republish(before, settings);
        else if (Object.keys(changed).length > 0) await registry.updateSettings(before, settings);
      } catch (error) {
        throw namedDiskError(error);
      }
      return { changed, version: registry.record(ref).active.version };
    });
  }

  async rollback(
    ref: FunctionRef,
    version: number,
    { mayBridge }: { mayBridge: boolean } = { mayBridge: false },
  ): Promise<DeployResult> {
    const { registry } = this.#options;
    registry.record(ref);
    return registry.inTurn(ref, async () => {
      const before = registry.record(ref);
      const candidate = await registry.earlier(ref, version);
      assertMayBridge(before.settings, candidate.settings, mayBridge);
      if (candidate !== before) {
        try {
          await this.#goBack(candidate);
        } catch (error) {
          throw namedDiskError(error);
        }
      }
      return { function: ref.name, version, digest: candidate.active.digest };
    });
  }

  async code(ref: FunctionRef, version?: number): Promise<CodeArchive> {
    const lease = await this.#options.registry.leaseCode(ref, version);
    const { active } = lease.record;
    try {
      const stream = await packTree(lease.dir, new Date(active.createdAt));
      stream.once('close', () => lease.release());
      return { version: active.version, stream };
    } catch (error) {
      lease.release();
      throw error;
    }
  }

  #extract(source: BundleSource, targetDir: string): Promise<ExtractedBundle> {
    const { limits } = this.#options;
    return extractBundle({ source, targetDir, limits, timeoutMs: EXTRACT_TIMEOUT_MS });
  }

  /** Looks for the entry file, adds to the staged tree the dependencies that the code did not bring, and describes the result. */
  async #complete(
    bundle: ExtractedBundle,
    staged: string,
    { ref, signal, progress = () => undefined }: DeployRequest,
    { installScripts, handler }: FunctionSettings,
  ): Promise<Code & { notes: string[]; hints: string[] }> {
    const { foreseeEntry, dependencies } = this.#options;
    const { strippedFolder } = bundle;
    const source = strippedFolder === null ? NODE_BUNDLE : { ...NODE_BUNDLE, folder: strippedFolder };
    const hints = [...bundle.hints, ...entryHints(foreseeEntry(staged, handlerInBundle(handler, source)))];
    const added = await dependencies.add({
      treeDir: staged,
      sizeBytes: bundle.sizeBytes,
      entries: bundle.entries,
      namespace: ref.namespace,
      installScripts,
      signal,
      progress,
    });
    if (added === undefined)
      return { digest: bundle.digest, sizeBytes: bundle.sizeBytes, source, notes: [], hints };
    return {
      digest: digestManifest([...bundle.manifest, ...added.files]),
      sizeBytes: bundle.sizeBytes + added.sizeBytes,
      source,
      notes: added.notes,
      hints,
    };
  }

  /**
   * The settings that a function will have after a deploy. The contract of a function that is new, or that becomes another
   * kind of source, is the kind's default unless the patch names one. Throws INVALID_REQUEST for a contract of another kind,
   * FORBIDDEN for a network that the sender may not give.
   */
  #settings(
    ref: FunctionRef,
    kind: Source['type'],
    patch: SettingsPatch,
    mayBridge: boolean,
  ): FunctionSettings {
    const { registry, defaultNetwork = 'none' } = this.#options;
    const before = registry.find(ref);
    const base = before?.settings ?? { ...DEFAULT_SETTINGS, network: defaultNetwork };
    const contract = before?.active.source.type === kind ? base.contract : defaultContract(kind);
    const { settings } = applySettings({ ...base, contract }, patch);
    assertContractFits(settings.contract, kind);
    assertMayBridge(base, settings, mayBridge);
    return settings;
  }

  /** Publishes the same code as a new version, for new settings that shape its container. */
  async #republish(before: FunctionRecord, settings: FunctionSettings): Promise<void> {
    const { registry } = this.#options;
    if (before.active.source.type === 'image') {
      await this.#publishImage(() => registry.candidate(before.ref, settings, before.active));
      return;
    }
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

  /**
   * Publishes an image function. The directory of its version is empty: the code is in the image, which is not run before
   * the first call.
   * @param candidateOf makes the record; its argument is the digest of an empty directory, for a function without an image
   */
  #publishImage(
    candidateOf: (emptyDigest: string) => FunctionRecord,
    assertAllowed?: () => Promise<void>,
  ): Promise<FunctionRecord> {
    const { registry, images, room } = this.#options;
    return this.#staging(async (staged) => {
      await mkdir(staged);
      await fsyncDir(staged);
      const candidate = candidateOf((await digestTree(staged)).digest);
      const giveBack = room.take(candidate);
      try {
        await images.prepareNetwork(candidate.settings.network);
        await assertAllowed?.();
        await registry.publish(candidate, staged);
      } finally {
        giveBack();
      }
      return registry.record(candidate.ref);
    });
  }

  /**
   * @param assertAllowed see `DeployRequest.assertAllowed`
   * @returns hints for the author, as the load check gives them
   */
  async #publish(
    candidate: FunctionRecord,
    staged: string,
    assertAllowed?: () => Promise<void>,
  ): Promise<string[]> {
    const { registry, loadCheck, room } = this.#options;
    const giveBack = room.take(candidate);
    try {
      const loaded = await loadCheck(candidate, staged);
      faultPoint('deploy.loaded');
      try {
        await assertAllowed?.();
        await registry.publish(candidate, staged);
      } catch (error) {
        loaded.discard();
        throw error;
      }
      return loaded.hints;
    } finally {
      giveBack();
    }
  }

  /** Makes a kept version active whose code or image is still what was deployed, and still loads. */
  async #goBack(candidate: FunctionRecord): Promise<void> {
    const { registry, images, loadCheck } = this.#options;
    const { active, settings } = candidate;
    const { source } = active;
    assertContractFits(settings.contract, source.type);
    if (source.type === 'image') {
      if (source.digest !== null) await images.assertHere(source.digest);
      await images.prepareNetwork(settings.network);
      await registry.goBack(candidate);
      return;
    }
    await registry.verifyCode(candidate);
    const { discard } = await loadCheck(candidate, registry.codePath(candidate));
    faultPoint('rollback.loaded');
    try {
      await registry.goBack(candidate);
    } catch (error) {
      discard();
      throw error;
    }
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

/**
 * Throws FORBIDDEN when a function would get the network `bridge` from somebody who may not give it. A function that has it
 * keeps it through deploys: somebody who may has given it, or it is the server's default.
 */
function assertMayBridge(before: FunctionSettings, after: FunctionSettings, mayBridge: boolean): void {
  if (mayBridge || after.network !== 'bridge' || before.network === 'bridge') return;
  throw new GlambdarError(
    'FORBIDDEN',
    'network "bridge" needs the role admin, or the permission mayBridge, which an admin gives.',
  );
}

function sameText(one: unknown, other: unknown): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}

/** Leaves out the key by which a JSON file names its schema to editors: it is no setting. */
function withoutSchema(config: unknown): unknown {
  if (typeof config !== 'object' || config === null || Array.isArray(config)) return config;
  const { $schema: _, ...settings } = config as Record<string, unknown>;
  return settings;
}
