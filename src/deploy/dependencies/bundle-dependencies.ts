/**
 * Owns adding the packages that a bundle needs: planned from its manifest and lockfile, taken from the kept trees, or
 * installed once for all deploys that wait for the same tree.
 */
import { rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { randomBytes } from 'node:crypto';
import { namedDiskError } from '../../data/disk-error.js';
import { GlambdarError } from '../../errors.js';
import { describeBytes } from '../../model/byte-size.js';
import { removeTree } from '../../registry/tree.js';
import { extractBundle } from '../archive/bundle.js';
import type { AddedFiles, Dependencies, DependenciesRequest } from '../dependencies.js';
import type { TreeManifest } from './dependency-tree.js';
import type { DependencyTrees } from './dependency-trees.js';
import { planInstall, type InstallPlan } from './install-plan.js';
import type { PackageInstaller } from './package-installer.js';

/** Time limit for writing an installed tree to the disk. */
const EXTRACT_TIMEOUT_MS = 120_000;
/** Bytes of the archive format beside the content of each file. */
const FRAME_BYTES = 2048;
const PREFIX = 'node_modules/';

export interface BundleDependenciesOptions {
  installer: PackageInstaller;
  trees: DependencyTrees;
  /** Staging. */
  tmpDir: string;
  limits: { maxUnpackedBytes: number; maxEntries: number };
}

/** An install under way: it ends when the last deploy that waits for it is gone. */
interface Flight {
  controller: AbortController;
  listeners: Set<(line: string) => void>;
}

export class BundleDependencies implements Dependencies {
  readonly #options: BundleDependenciesOptions;
  readonly #flights = new Map<string, Flight>();

  constructor(options: BundleDependenciesOptions) {
    this.#options = options;
  }

  async add(request: DependenciesRequest): Promise<AddedFiles | undefined> {
    const { installer, trees } = this.#options;
    const { treeDir, namespace, installScripts, signal, progress } = request;
    const plan = await planInstall({ treeDir, namespace, installScripts, installer });
    if (plan === undefined) return undefined;
    const place = async (): Promise<AddedFiles> =>
      trees.use(
        plan.key,
        (packagesDir) => this.#install(plan, installScripts, packagesDir),
        async (tree) => {
          throwIfAborted(signal);
          this.#assertFits(request, tree.manifest);
          const files = await trees.place(tree, treeDir);
          return { files, sizeBytes: tree.manifest.sizeBytes, notes: plan.notes };
        },
      );
    for (;;) {
      try {
        return await this.#aboard(plan.key, signal, progress, place);
      } catch (error) {
        const named = namedDiskError(error);
        const code = named instanceof GlambdarError ? named.code : undefined;
        if (code === 'DISK_FULL') await trees.collect(true);
        // This deploy has come when all others had just given up the install.
        if (code !== 'CANCELLED' || signal.aborted) throw named;
      }
    }
  }

  release(treeDir: string): void {
    this.#options.trees.release(treeDir);
  }

  /** Runs `work` as one of the deploys that wait for the same install, if there is one; rejects at once when the deploy is cancelled. */
  async #aboard<T>(
    key: string,
    signal: AbortSignal,
    progress: (line: string) => void,
    work: () => Promise<T>,
  ): Promise<T> {
    throwIfAborted(signal);
    let flight = this.#flights.get(key);
    if (flight === undefined || flight.controller.signal.aborted) {
      flight = { controller: new AbortController(), listeners: new Set() };
      this.#flights.set(key, flight);
    }
    const own = flight;
    // A function of its own for each deploy: two deploys may share one `progress`.
    const listener = (line: string): void => progress(line);
    own.listeners.add(listener);
    let leave = (): void => undefined;
    const left = new Promise<never>((_, reject) => {
      leave = () => reject(abortError(signal));
      signal.addEventListener('abort', leave, { once: true });
    });
    const working = work();
    try {
      return await Promise.race([working, left]);
    } finally {
      signal.removeEventListener('abort', leave);
      own.listeners.delete(listener);
      if (own.listeners.size === 0) {
        own.controller.abort(signal.aborted ? abortError(signal) : undefined);
        if (this.#flights.get(key) === own) this.#flights.delete(key);
      }
      // Nothing may write to the staged code when the caller goes on to remove it.
      await working.catch(() => undefined);
    }
  }

  /** Installs what a plan says; the tree is checked by the same rules as an uploaded archive. */
  async #install(
    plan: InstallPlan,
    installScripts: boolean,
    packagesDir: string,
  ): Promise<{ manifest: TreeManifest; isWhole: boolean }> {
    const { installer, tmpDir, limits } = this.#options;
    const flight = this.#flights.get(plan.key)!;
    const progress = (line: string): void => flight.listeners.forEach((listener) => listener(line));
    const { signal } = flight.controller;
    const stage = join(tmpDir, `install-${randomBytes(8).toString('hex')}`);
    const treeFile = `${stage}.tree`;
    try {
      progress('Installing dependencies.');
      const { manifest, lockfile } = plan;
      const { isWhole } = await installer.install({
        manifest,
        lockfile,
        installScripts,
        limits,
        treeFile,
        signal,
        progress,
      });
      const maxArchiveBytes = limits.maxUnpackedBytes + (limits.maxEntries + 2) * FRAME_BYTES;
      const source = { format: 'tree', path: treeFile } as const;
      const extracted = await extractBundle({
        source,
        targetDir: stage,
        limits: { ...limits, maxArchiveBytes },
        signal,
        timeoutMs: EXTRACT_TIMEOUT_MS,
      });
      const files = extracted.manifest
        .filter(({ path }) => path.startsWith(PREFIX))
        .map((file) => ({ ...file, path: file.path.slice(PREFIX.length) }));
      if (files.length === 0)
        throw new GlambdarError(
          'INSTALL_FAILED',
          'npm installed nothing: no package fits the system that functions run on.',
        );
      await rename(join(stage, 'node_modules'), packagesDir);
      return { manifest: { sizeBytes: extracted.sizeBytes, files }, isWhole };
    } catch (error) {
      throw unusable(error);
    } finally {
      await rm(treeFile, { force: true });
      await removeTree(stage).catch(() => undefined);
    }
  }

  /** The limits of a bundle hold for code and packages together. */
  #assertFits({ sizeBytes, entries }: DependenciesRequest, manifest: TreeManifest): void {
    const { maxUnpackedBytes, maxEntries } = this.#options.limits;
    const advice = 'Leave out what the function does not need';
    if (sizeBytes + manifest.sizeBytes > maxUnpackedBytes)
      throw new GlambdarError(
        'BUNDLE_TOO_LARGE',
        `The code with its dependencies takes more than ${describeBytes(maxUnpackedBytes)}. ${advice}, or raise GLAMBDAR_MAX_UNPACKED_MB on the server.`,
      );
    if (entries + manifest.files.length > maxEntries)
      throw new GlambdarError(
        'BUNDLE_TOO_LARGE',
        `The code with its dependencies has more than ${maxEntries} files. ${advice}, or raise GLAMBDAR_MAX_ENTRIES on the server.`,
      );
  }
}

/** What the rules for archives refuse, said of installed packages. */
function unusable(error: unknown): unknown {
  if (!(error instanceof GlambdarError)) return error;
  if (error.code !== 'INVALID_BUNDLE' && error.code !== 'BUNDLE_TOO_LARGE') return error;
  const code = error.code === 'INVALID_BUNDLE' ? 'INSTALL_FAILED' : error.code;
  const sentence = error.message.replace(/^The archive\b/, 'The code with its dependencies');
  return new GlambdarError(code, `The installed packages cannot be used. ${sentence}`, { cause: error });
}

function throwIfAborted(signal: AbortSignal): void {
  if (signal.aborted) throw abortError(signal);
}

function abortError({ reason }: AbortSignal): GlambdarError {
  if (reason instanceof GlambdarError) return reason;
  return new GlambdarError(
    'CANCELLED',
    'The deploy was cancelled while its dependencies were being installed.',
    {
      cause: reason,
    },
  );
}
