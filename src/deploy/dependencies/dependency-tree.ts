/**
 * Owns one installed tree on disk, `<key>/`: the packages as they stand in `node_modules`, what they should be
 * (`manifest.json`), and spare copies of them that are one rename away from a function's code.
 */
import { randomBytes } from 'node:crypto';
import { lstatSync, readFileSync, renameSync } from 'node:fs';
import { open, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { digestManifest, digestTree, type ManifestFile } from '../../registry/tree-digest.js';
import { stampTree } from '../../registry/tree-stamp.js';
import { linkTree, makeDirectory, removeTree } from '../../registry/tree.js';

/** Directories made durable at the same time: two, so that other file calls find a free thread. */
const SYNCS = 2;
const SPARE = /^spare-[0-9a-f]{16}$/;

/** Content of `manifest.json`; paths are relative to `node_modules`. */
export interface TreeManifest {
  sizeBytes: number;
  files: ManifestFile[];
}

export class DependencyTree {
  readonly key: string;
  readonly manifest: TreeManifest;
  readonly #dir: string;
  readonly #spares: string[] = [];
  #making: Promise<void> | undefined;
  /** Of packages that were found to be what was installed. */
  #stamp: string | undefined;

  /** @param dir absolute path of `<key>/` */
  constructor(key: string, dir: string, manifest: TreeManifest) {
    this.key = key;
    this.#dir = dir;
    this.manifest = manifest;
  }

  /** Undefined when there is no such tree, or none that can be read. Spares of an earlier process are removed. */
  static async read(key: string, dir: string): Promise<DependencyTree | undefined> {
    try {
      const manifest = JSON.parse(readFileSync(manifestPath(dir), 'utf8')) as TreeManifest;
      for (const name of await readdir(dir)) if (SPARE.test(name)) await removeTree(join(dir, name));
      return new DependencyTree(key, dir, manifest);
    } catch {
      return undefined;
    }
  }

  /** Path of the packages: what a function has as its `node_modules`. */
  get packagesDir(): string {
    return packagesPath(this.#dir);
  }

  get directory(): string {
    return this.#dir;
  }

  /** To be called when this process has just written the packages. */
  async trust(): Promise<void> {
    this.#stamp = await stampTree(this.packagesDir);
  }

  /**
   * Whether the packages are what was installed. Every file is read at the first use in this process, and later when inode,
   * size, mode or time of some file changed. Rejects with the file system's errors.
   */
  async isIntact(): Promise<boolean> {
    const stamp = await stampTree(this.packagesDir).catch(() => 'cannot be read');
    if (stamp === this.#stamp) return true;
    const found = await digestTree(this.packagesDir).catch((error: unknown) => {
      if ((error as { code?: string }).code === 'CODE_UNAVAILABLE') return undefined;
      throw error;
    });
    if (found?.digest !== digestManifest(this.manifest.files)) return false;
    this.#stamp = stamp;
    return true;
  }

  /**
   * Whether code of some function is linked to the packages: then a file has more names than this directory has copies. So
   * nothing has to be recorded, and nothing can be forgotten by a crash. Where links are impossible the answer is no.
   */
  isLinked(): boolean {
    const [first] = this.manifest.files;
    if (first === undefined) return false;
    const { nlink } = lstatSync(join(this.packagesDir, first.path), { throwIfNoEntry: false }) ?? {
      nlink: 0,
    };
    return nlink > 1 + this.#spares.length + (this.#making === undefined ? 0 : 1);
  }

  get spares(): number {
    return this.#spares.length;
  }

  /** Moves a durable copy of the packages to `target`, which must not exist: a spare one if there is one. */
  async moveCopyTo(target: string): Promise<void> {
    const spare = this.#spares.pop();
    if (spare !== undefined) return renameSync(spare, target);
    await linkTree(this.packagesDir, target);
    await this.#sync(target, this.manifest.files);
  }

  /**
   * Links packages into a `node_modules` that exists; packages and scopes that are there stay as they are. Resolves to the files
   * that were added.
   */
  async addTo(modulesDir: string): Promise<ManifestFile[]> {
    const added: string[] = [];
    for (const name of await packageFolders(this.packagesDir)) {
      if (lstatSync(join(modulesDir, name), { throwIfNoEntry: false }) !== undefined) continue;
      const [scope, rest] = name.split('/');
      if (rest !== undefined) makeScope(join(modulesDir, scope!));
      await linkTree(join(this.packagesDir, name), join(modulesDir, name));
      added.push(`${name}/`);
    }
    const files = this.manifest.files.filter(({ path }) => added.some((prefix) => path.startsWith(prefix)));
    await this.#sync(modulesDir, files);
    return files;
  }

  /** Makes spare copies, up to `count`. Failures leave fewer. */
  async makeSpares(count: number): Promise<void> {
    while (this.#spares.length < count) {
      this.#making ??= this.#makeSpare().finally(() => (this.#making = undefined));
      await this.#making;
    }
  }

  /** Removes the spare copies. */
  async dropSpares(): Promise<void> {
    await this.#making?.catch(() => undefined);
    for (const spare of this.#spares.splice(0)) await removeTree(spare);
  }

  async #makeSpare(): Promise<void> {
    const spare = join(this.#dir, `spare-${randomBytes(8).toString('hex')}`);
    try {
      await linkTree(this.packagesDir, spare);
      await this.#sync(spare, this.manifest.files);
      this.#spares.push(spare);
    } catch (error) {
      await removeTree(spare).catch(() => undefined);
      throw error;
    }
  }

  /** Makes the directories of a copy durable, children first; the files are durable since they were installed. */
  async #sync(copyDir: string, files: readonly ManifestFile[]): Promise<void> {
    const directories = [...foldersOf(files)].sort((a, b) => b.length - a.length).values();
    const work = async (): Promise<void> => {
      for (const directory of directories) {
        const handle = await open(join(copyDir, directory), 'r');
        await handle.sync().finally(() => handle.close());
      }
    };
    await Promise.all(Array.from({ length: SYNCS }, work));
  }
}

export function packagesPath(dir: string): string {
  return join(dir, 'packages');
}

export function manifestPath(dir: string): string {
  return join(dir, 'manifest.json');
}

/** All folders that hold files, with their parents; '' is the root. */
function foldersOf(files: readonly ManifestFile[]): Set<string> {
  const folders = new Set(['']);
  for (const { path } of files)
    for (let end = path.lastIndexOf('/'); end > 0; end = path.lastIndexOf('/', end - 1)) {
      const folder = path.slice(0, end);
      if (folders.has(folder)) break;
      folders.add(folder);
    }
  return folders;
}

/** `name` and `@scope/name` of all packages at the root of a `node_modules`. */
async function packageFolders(modulesDir: string): Promise<string[]> {
  const entries = await readdir(modulesDir, { withFileTypes: true });
  const names = entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
  const scoped = names
    .filter((name) => name.startsWith('@'))
    .map(async (scope) => (await readdir(join(modulesDir, scope))).map((name) => `${scope}/${name}`));
  return [...names.filter((name) => !name.startsWith('@')), ...(await Promise.all(scoped)).flat()];
}

function makeScope(scopeDir: string): void {
  if (lstatSync(scopeDir, { throwIfNoEntry: false }) === undefined) makeDirectory(scopeDir);
}
