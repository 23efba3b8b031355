/** Owns a registry and a deploy pipeline on real directories, with stores in memory and no containers. */
import { NamespaceRoom } from '../../src/deploy/namespace-room.js';
import fs from 'node:fs';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import { DeployPipeline, type DeployPipelineOptions } from '../../src/deploy/deploy-pipeline.js';
import type { Dependencies } from '../../src/deploy/dependencies.js';
import type { DeployResult } from '../../src/deploy/deployments.js';
import type { SuppliedImage } from '../../src/deploy/image-supply.js';
import { GlambdarError } from '../../src/errors.js';
import { createLogger } from '../../src/logger.js';
import type { FunctionRecord } from '../../src/model/function/function.js';
import { DEFAULT_NAMESPACE, type FunctionRef } from '../../src/model/function/ref.js';
import { node } from '../../src/runtimes/node.js';
import { FunctionRegistry, type FunctionRegistryOptions } from '../../src/registry/function-registry.js';
import { buildZip } from './hostile-zip.js';
import { ManualClock } from './manual-clock.js';
import { MemoryCallStore } from './memory-call-store.js';
import { MemoryFunctionStore } from './memory-function-store.js';
import { temporaryDirectory } from './temporary-directory.js';

/** The function that most tests deploy. */
export const f: FunctionRef = { namespace: DEFAULT_NAMESPACE, name: 'f' };

/** Installs nothing: the code must bring all packages that it needs. */
const noDependencies: Dependencies = {
  add: () => Promise.resolve(undefined),
  release: () => undefined,
};

const noQuota = { functions: null, bundleBytes: null };

/** Of a deploy whose client stays. */
export const never = new AbortController().signal;

export class RegistryFixture {
  readonly store = new MemoryFunctionStore();
  readonly calls = new MemoryCallStore();
  readonly functionsDir: string;
  readonly tmpDir: string;
  /** `<name>@<version>` of what was retired, in order. */
  readonly retired: string[] = [];
  /** What the load check has to say to authors. */
  loadHints: string[] = [];
  /** Versions whose instance of the load check was let go. */
  readonly discarded: number[] = [];
  /** What was said to be active, in order. */
  readonly active: { version: number; used: boolean }[] = [];
  readonly checked: { version: number; files: string[] }[] = [];
  /** Messages of the log, with their fields. */
  readonly logged: { level: string; message: string; fields: Record<string, unknown> }[] = [];
  /** The images that can be had, by name. */
  readonly images = new Map<string, SuppliedImage>();
  /** What the next load checks throw. */
  loadFailures: Error[] = [];
  space: GlambdarError | null = null;
  registry: FunctionRegistry;
  pipeline: DeployPipeline;
  readonly clock = new ManualClock();
  readonly #dir: string;

  constructor(t: ExecutionContext, options: Partial<DeployPipelineOptions> = {}) {
    this.#dir = temporaryDirectory(t);
    this.functionsDir = join(this.#dir, 'functions');
    this.tmpDir = join(this.#dir, 'tmp');
    fs.mkdirSync(this.functionsDir);
    fs.mkdirSync(this.tmpDir);
    this.registry = this.create();
    this.pipeline = this.#pipeline(options);
  }

  create(options: Partial<FunctionRegistryOptions> = {}): FunctionRegistry {
    const log =
      (level: string) =>
      (fields: Record<string, unknown>, message: string): void =>
        void this.logged.push({ level, message, fields });
    return new FunctionRegistry({
      store: this.store,
      calls: this.calls,
      functionsDir: this.functionsDir,
      tmpDir: this.tmpDir,
      onActive: ({ active }, lastUsedAt) =>
        this.active.push({ version: active.version, used: lastUsedAt !== null }),
      onRetired: async ({ ref, active }) => {
        this.retired.push(`${ref.name}@${active.version}`);
      },
      clock: this.clock,
      logger: Object.assign(createLogger('silent'), { warn: log('warn'), error: log('error') }),
      ...options,
    });
  }

  /** Another server on the same stores and directories, as after a restart. */
  async restart(): Promise<void> {
    this.registry = this.create();
    this.pipeline = this.#pipeline({});
    await this.registry.open();
  }

  #pipeline(options: Partial<DeployPipelineOptions>): DeployPipeline {
    return new DeployPipeline({
      registry: this.registry,
      room: new NamespaceRoom({ records: () => this.registry.records(), quotaOf: () => noQuota }),
      limits: { maxArchiveBytes: 1e6, maxUnpackedBytes: 1e6, maxEntries: 100 },
      assertSpace: () => {
        if (this.space) throw this.space;
      },
      dependencies: noDependencies,
      foreseeEntry: (treeDir, handler) => node.foreseeEntry(treeDir, handler),
      loadCheck: async (candidate, treeDir) => {
        this.checked.push({ version: candidate.active.version, files: fs.readdirSync(treeDir).sort() });
        const failure = this.loadFailures.shift();
        if (failure) throw failure;
        return { discard: () => this.discarded.push(candidate.active.version), hints: this.loadHints };
      },
      images: {
        obtain: async (reference) => {
          const image = this.images.get(reference);
          if (image === undefined) throw new GlambdarError('IMAGE_UNAVAILABLE', 'There is no such image.');
          return image;
        },
        assertHere: async (digest) => {
          if (![...this.images.values()].some((image) => image.digest === digest))
            throw new GlambdarError('IMAGE_UNAVAILABLE', 'There is no such image.');
        },
        prepareNetwork: async () => undefined,
      },
      ...options,
    });
  }

  /** Deploys an index.js (and a glambdar.json), by default as `f`. */
  async deploy(
    content = 'one',
    fields: Record<string, string> = {},
    config?: unknown,
    ref: FunctionRef = f,
  ): Promise<DeployResult> {
    const path = join(this.#dir, `upload-${Math.random()}.zip`);
    const entries = [{ name: 'index.js', content }];
    if (config !== undefined) entries.push({ name: 'glambdar.json', content: JSON.stringify(config) });
    fs.writeFileSync(path, buildZip(entries));
    return this.pipeline.deploy({ source: { format: 'zip', path }, ref, fields, signal: never });
  }

  /** Another version of `f` without another archive. */
  async again(memoryMb: number): Promise<void> {
    await this.pipeline.configure(f, { memoryMb });
  }

  /** What the store says of `f`. */
  async stored(): Promise<FunctionRecord | undefined> {
    return (await this.store.list()).find(({ ref }) => ref.name === 'f');
  }

  /** Versions of `f` that have a directory. */
  versions(): number[] {
    try {
      return fs
        .readdirSync(join(this.functionsDir, 'f'))
        .filter((entry) => /^\d+$/.test(entry))
        .map(Number)
        .sort((a, b) => a - b);
    } catch {
      return [];
    }
  }
}
