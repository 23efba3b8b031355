/** Owns noticing that a file of a folder has changed. */
import { watch } from 'node:fs';
import { sep } from 'node:path';
import { IgnoreRules } from './ignore-rules.js';

/** Editors save in several steps (write, rename, change times); those within this time are one change. */
const SETTLE_MS = 20;

export interface FolderChanges {
  /** Resolves when files have changed since it was called last, or when watching has ended. */
  next: () => Promise<void>;
}

/** Watches the folder and all below it, but what its ignore rules leave out, until the signal aborts. */
export function watchFolder(folder: string, signal: AbortSignal): FolderChanges {
  let changed = false;
  let wake: () => void = () => undefined;
  let timer: NodeJS.Timeout | undefined;
  const notice = (): void => {
    changed = true;
    clearTimeout(timer);
    timer = setTimeout(() => wake(), SETTLE_MS);
  };
  const watcher = watch(folder, { recursive: true, signal }, (_, path) => {
    if (path === null || !isIgnored(folder, path.split(sep).join('/'))) notice();
  });
  // A folder that goes away while it is read: its parent tells of that, too.
  watcher.on('error', () => undefined);
  signal.addEventListener('abort', () => {
    clearTimeout(timer);
    wake();
  });
  return {
    next: async () => {
      if (!changed && !signal.aborted) await new Promise<void>((resolve) => (wake = resolve));
      changed = false;
    },
  };
}

/** Whether the path or a folder above it is left out. The rules are read anew: they may be what has changed. */
function isIgnored(folder: string, path: string): boolean {
  let rules = IgnoreRules.of(folder);
  const parts = path.split('/');
  for (let depth = 1; depth < parts.length; depth += 1) {
    const above = `${parts.slice(0, depth).join('/')}/`;
    if (rules.ignores(above)) return true;
    rules = rules.inside(folder, above);
  }
  return rules.ignores(path) && !/(^|\/)\.(glambdar|git)ignore$/.test(path);
}
