/** Owns the watches of a folder and of all folders below it. */
import { readdirSync, statSync, watch, type FSWatcher } from 'node:fs';
import { join, sep } from 'node:path';
import { CliError, EXIT } from '../cli-error.js';
import { IgnoreRules } from './ignore-rules.js';

/**
 * On Linux each folder has a watch of its own, which tells of its files whatever becomes of them: the recursive watch of
 * Node.js 20 watches each file there, and tells no more of one that an editor or `git checkout` has replaced. Other systems
 * watch all below a folder themselves.
 */
const EACH_BY_ITSELF = process.platform === 'linux';

export class WatchedFolders {
  readonly #root: string;
  readonly #onChange: (path: string) => void;
  /** By the path from the root, with a slash at its end; the identity tells a folder from another that took its place. */
  readonly #watches = new Map<string, { watcher: FSWatcher; identity: string }>();

  /** @param onChange called with the path, from the root, of a file or a folder that has changed */
  constructor(root: string, onChange: (path: string) => void) {
    this.#root = root;
    this.#onChange = onChange;
  }

  /**
   * Watches the folders that are there now and that the ignore rules do not leave out. Throws CliError when the machine allows
   * no further watch.
   * @returns `gone` when the root is not there, `more` when there are folders that were not watched before
   */
  update(): 'gone' | 'more' | 'same' {
    const folders = foldersOf(this.#root);
    let more = false;
    for (const [path, identity] of folders) {
      if (this.#watches.get(path)?.identity === identity) continue;
      this.#end(path);
      more = this.#begin(path, identity) || more;
    }
    for (const path of [...this.#watches.keys()]) if (!folders.has(path)) this.#end(path);
    if (folders.size === 0) return 'gone';
    return more ? 'more' : 'same';
  }

  close(): void {
    for (const path of [...this.#watches.keys()]) this.#end(path);
  }

  /** Whether the folder was still there. */
  #begin(path: string, identity: string): boolean {
    try {
      const watcher = watch(join(this.#root, path), { recursive: !EACH_BY_ITSELF }, (_, name) =>
        this.#onChange(path + (name ?? '').split(sep).join('/')),
      );
      // A folder that goes away: the folder above it tells of that, too.
      watcher.on('error', () => undefined);
      this.#watches.set(path, { watcher, identity });
      return true;
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code ?? 'error';
      if (code === 'ENOENT' || code === 'ENOTDIR') return false;
      throw new CliError(
        `The system watches no more folders (${code}) than the first ${this.#watches.size} of ${this.#root}; list those ` +
          'that need no watching in .glambdarignore, or raise fs.inotify.max_user_watches.',
        EXIT.failed,
      );
    }
  }

  #end(path: string): void {
    this.#watches.get(path)?.watcher.close();
    this.#watches.delete(path);
  }
}

/**
 * What tells each folder to watch from another, by its path from the root with a slash at its end: the inode, and the time it
 * was made, because a file system gives a free inode away again. Empty when the root is not there.
 */
function foldersOf(root: string): Map<string, string> {
  const folders = new Map<string, string>();
  add('', IgnoreRules.of(root));
  return folders;

  function add(path: string, rules: IgnoreRules): void {
    const stats = statSync(join(root, path), { throwIfNoEntry: false });
    if (stats?.isDirectory() !== true) return;
    folders.set(path, `${stats.ino} ${stats.birthtimeMs}`);
    if (!EACH_BY_ITSELF) return;
    for (const entry of entriesOf(join(root, path))) {
      const inner = `${path}${entry.name}/`;
      if (entry.isDirectory() && !rules.ignores(inner)) add(inner, rules.inside(root, inner));
    }
  }
}

/** Nothing for a folder that has gone meanwhile or may not be read. */
function entriesOf(folder: string) {
  try {
    return readdirSync(folder, { withFileTypes: true });
  } catch {
    return [];
  }
}
