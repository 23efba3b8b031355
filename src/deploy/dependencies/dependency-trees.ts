/**
 * Owns the installed trees that are kept: one directory for each key below `dependencies/`, published by a rename, shared by
 * hard links, and removed when no code is linked to a tree and no deploy has used it lately.
 */
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync } from 'node:fs';
import { open, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../../clock.js';
import { faultPoint } from '../../faults.js';
import type { Logger } from '../../logger.js';
import type { ManifestFile } from '../../registry/tree-digest.js';
import { fsyncDir, linkTree, removeTree } from '../../registry/tree.js';
import { DependencyTree, manifestPath, packagesPath, type TreeManifest } from './dependency-tree.js';

/** How long a tree that no code uses is kept after its last deploy, and how long spare copies are. */
const UNUSED_MS = 10 * 60_000;
/** The most trees kept that no code uses: each deploy that fails may leave one. */
const MOST_UNUSED = 8;
/** Copies made ahead of a deploy: one becomes its code, one is loaded by the load check. */
const SPARES = 2;
/** Copies are made when the deploy that took the last ones is over. */
const REFILL_MS = 250;
const KEY = /^[0-9a-f]{64}$/;

export interface DependencyTreesOptions {
  /** Absolute path of `dependencies/`, on the file system of staging and functions. */
  dir: string;
  /** Staging. */
  tmpDir: string;
  clock: Clock;
  logger: Logger;
}

/**
 * Puts the content of a `node_modules`, durably, at a path that does not exist yet. `isWhole` is false when another install
 * might have a better result: such a tree is used by the deploys that wait for it, and not found again.
 */
export type MakePackages = (packagesDir: string) => Promise<{ manifest: TreeManifest; isWhole: boolean }>;

interface Kept {
  /** Rejects when an install under way fails. Undefined when what was found on disk cannot be read. */
  tree: Promise<DependencyTree | undefined>;
  usedAt: number;
  /** How many deploys use it now. */
  holds: number;
  cancelRefill?: () => void;
}

export class DependencyTrees {
  readonly #options: DependencyTreesOptions;
  /** By key, trees under way included. */
  readonly #kept = new Map<string, Kept>();
  /** Trees by the path of staged code that has a copy of them. */
  readonly #placed = new Map<string, DependencyTree>();
  #cancelCollect: (() => void) | undefined;
  #collecting: Promise<void> = Promise.resolve();
  readonly #refills = new Set<Promise<void>>();
  #isClosed = false;

  constructor(options: DependencyTreesOptions) {
    this.#options = options;
  }

  /** Removes what a crash has left, and trees that nobody uses. To be called once, before all other methods. */
  async open(): Promise<void> {
    const { dir } = this.#options;
    for (const name of await readdir(dir)) {
      if (!KEY.test(name)) await rm(join(dir, name), { recursive: true, force: true });
      else this.#kept.set(name, kept(DependencyTree.read(name, join(dir, name)), -Infinity));
    }
    await this.collect();
  }

  /** Stops making copies and collecting. Resolves when nothing is under way. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#cancelCollect?.();
    await this.#collecting;
    for (const { cancelRefill } of this.#kept.values()) cancelRefill?.();
    await Promise.all(this.#refills);
  }

  /**
   * Runs `work` with the tree of a key, which is not collected meanwhile. When there is none, or it was altered on disk, `make`
   * is asked for it first; deploys that need the same tree wait for one `make`, and reject with its error.
   */
  async use<T>(key: string, make: MakePackages, work: (tree: DependencyTree) => Promise<T>): Promise<T> {
    const found = this.#kept.get(key);
    const held = found ?? this.#make(key, make);
    held.holds += 1;
    try {
      const tree = await held.tree;
      if (tree !== undefined && (tree.spares > 0 || (await tree.isIntact()))) return await work(tree);
    } finally {
      held.holds -= 1;
      held.usedAt = this.#options.clock.now();
      this.#collectLater();
    }
    this.#options.logger.error({ key }, 'installed packages were altered on disk; they are installed again');
    if (this.#kept.get(key) === held) this.#kept.delete(key);
    return this.use(key, make, work);
  }

  /**
   * Puts the packages of a tree into staged code, durably: as its `node_modules`, or beside the packages that the code brought.
   * @param treeDir path of the staged code, to be given to `release` afterwards
   * @returns the files that were added; their paths are relative to the code's root
   */
  async place(tree: DependencyTree, treeDir: string): Promise<ManifestFile[]> {
    const modulesDir = join(treeDir, 'node_modules');
    let files: readonly ManifestFile[];
    if (existsSync(modulesDir)) {
      files = await tree.addTo(modulesDir);
    } else {
      await tree.moveCopyTo(modulesDir);
      files = tree.manifest.files;
      this.#placed.set(treeDir, tree);
    }
    await fsyncDir(treeDir);
    return files.map((file) => ({ ...file, path: `node_modules/${file.path}` }));
  }

  /** Makes a hard-link copy of staged code, as `linkTree` does; packages that were placed in it come from a spare copy. */
  async copy(treeDir: string, target: string): Promise<void> {
    const tree = this.#placed.get(treeDir);
    if (tree === undefined || tree.spares === 0) return linkTree(treeDir, target);
    await linkTree(treeDir, target, undefined, 'node_modules');
    await tree.moveCopyTo(join(target, 'node_modules'));
  }

  /** The staged code is published, or gone. Copies that were taken for it are made again, for the next deploy. */
  release(treeDir: string): void {
    const tree = this.#placed.get(treeDir);
    this.#placed.delete(treeDir);
    const held = tree && this.#kept.get(tree.key);
    if (held === undefined) return;
    held.cancelRefill?.();
    held.cancelRefill = this.#options.clock.after(REFILL_MS, () => {
      const refill = this.#refill(held).finally(() => this.#refills.delete(refill));
      this.#refills.add(refill);
    });
  }

  /**
   * Removes trees that no code is linked to and no deploy uses: those whose last deploy is long ago, and the oldest beyond a few.
   * @param all whether those of recent deploys go, too, because the disk is full
   */
  collect(all = false): Promise<void> {
    this.#collecting = this.#collecting
      .then(() => this.#collect(all))
      .catch((err: unknown) =>
        this.#options.logger.warn({ err }, 'installed packages that nobody uses could not be removed'),
      );
    return this.#collecting;
  }

  async #collect(all: boolean): Promise<void> {
    const isOld = ({ usedAt }: Kept): boolean => all || this.#options.clock.now() - usedAt >= UNUSED_MS;
    const unused: [key: string, held: Kept, tree: DependencyTree | undefined][] = [];
    for (const [key, held] of [...this.#kept]) {
      if (held.holds > 0) continue;
      const tree = await held.tree.catch(() => undefined);
      if (isOld(held)) await tree?.dropSpares();
      if (tree?.isLinked() !== true) unused.push([key, held, tree]);
    }
    unused.sort(([, a], [, b]) => b.usedAt - a.usedAt);
    for (const [index, [key, held, tree]] of unused.entries()) {
      if (held.holds > 0 || (tree !== undefined && index < MOST_UNUSED && !isOld(held))) continue;
      if (this.#kept.get(key) === held) this.#kept.delete(key);
      held.cancelRefill?.();
      await this.#remove(join(this.#options.dir, key));
    }
    this.#collectLater();
  }

  #make(key: string, make: MakePackages): Kept {
    const staged = join(this.#options.tmpDir, `tree-${randomBytes(8).toString('hex')}`);
    const making = async (): Promise<DependencyTree> => {
      try {
        mkdirSync(staged, { mode: 0o700 });
        const { manifest, isWhole } = await make(packagesPath(staged));
        if (isWhole) return await this.#publish(key, staged, manifest);
        // Under a key that no install has, the tree is kept only as long as code is linked to it.
        const once = randomBytes(32).toString('hex');
        const tree = await this.#publish(once, staged, manifest);
        this.#kept.delete(key);
        this.#kept.set(once, held);
        return tree;
      } catch (error) {
        if (this.#kept.get(key) === held) this.#kept.delete(key);
        throw error;
      } finally {
        await removeTree(staged).catch(() => undefined);
      }
    };
    const held = kept(making(), this.#options.clock.now());
    this.#kept.set(key, held);
    return held;
  }

  async #publish(key: string, staged: string, manifest: TreeManifest): Promise<DependencyTree> {
    const file = await open(manifestPath(staged), 'wx', 0o600);
    try {
      await file.writeFile(JSON.stringify(manifest));
      await file.sync();
    } finally {
      await file.close();
    }
    await fsyncDir(staged);
    faultPoint('install.staged');
    const { dir } = this.#options;
    // An altered tree of the same key may be in the way.
    await this.#remove(join(dir, key));
    await rename(staged, join(dir, key));
    faultPoint('install.renamed');
    await fsyncDir(dir);
    const tree = new DependencyTree(key, join(dir, key), manifest);
    await tree.trust();
    return tree;
  }

  /** By a rename first, so that half of a tree is never found under its key. */
  async #remove(path: string): Promise<void> {
    const trash = join(this.#options.tmpDir, `tree-${randomBytes(8).toString('hex')}`);
    try {
      await rename(path, trash);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
      throw error;
    }
    await removeTree(trash);
  }

  /** Copies are made of packages that are intact at that time. */
  async #refill(held: Kept): Promise<void> {
    held.holds += 1;
    try {
      const tree = await held.tree;
      if (tree && (await tree.isIntact())) await tree.makeSpares(SPARES);
    } catch (err) {
      // The next deploy links its own copies.
      this.#options.logger.warn({ err }, 'copies of installed packages could not be made ahead');
    } finally {
      held.holds -= 1;
    }
  }

  #collectLater(): void {
    if (this.#isClosed || this.#kept.size === 0 || this.#cancelCollect !== undefined) return;
    this.#cancelCollect = this.#options.clock.after(UNUSED_MS, () => {
      this.#cancelCollect = undefined;
      void this.collect();
    });
  }
}

function kept(tree: Promise<DependencyTree | undefined>, usedAt: number): Kept {
  tree.catch(() => undefined);
  return { tree, usedAt, holds: 0 };
}
