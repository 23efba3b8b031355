/** Owns noticing that a file of a folder has changed. */
import { IgnoreRules } from './ignore-rules.js';
import { WatchedFolders } from './watched-folders.js';

/** Editors save in several steps (write, rename, change times); those within this time are one change. */
const SETTLE_MS = 20;

/** How often a folder that has gone is looked for: changing branches can take it away for a moment. */
const LOOK_MS = 300;

export interface FolderChanges {
  /**
   * Resolves when files have changed since it was called last, or when watching has ended. Rejects with CliError when the
   * machine allows no further watch.
   * @param withinMs resolves after so many milliseconds at the latest, changes or not
   */
  next: (withinMs?: number) => Promise<void>;
}

/**
 * Watches the folder and all below it, but what its ignore rules leave out, until the signal aborts. Throws CliError when the
 * machine does not allow it.
 */
export function watchFolder(folder: string, signal: AbortSignal): FolderChanges {
  let changed = false;
  let failure: Error | undefined;
  let wake: () => void = () => undefined;
  let timer: NodeJS.Timeout | undefined;
  const watched = new WatchedFolders(folder, (path) => {
    if (!isIgnored(folder, path)) notice();
  });
  if (watched.update() === 'gone') settle(LOOK_MS);
  signal.addEventListener('abort', () => {
    clearTimeout(timer);
    watched.close();
    wake();
  });
  return {
    next: async (withinMs) => {
      if (!changed && !signal.aborted)
        await new Promise<void>((resolve) => {
          const limit = withinMs === undefined ? undefined : setTimeout(resolve, withinMs);
          wake = () => {
            clearTimeout(limit);
            resolve();
          };
        });
      if (failure !== undefined) throw failure;
      changed = false;
    },
  };

  function notice(): void {
    changed = true;
    settle(SETTLE_MS);
  }

  function settle(ms: number): void {
    clearTimeout(timer);
    timer = setTimeout(settled, ms);
  }

  function settled(): void {
    try {
      const found = watched.update();
      if (found === 'gone') settle(LOOK_MS);
      // What is in a new folder may have been written before it was watched, or be written still.
      else if (found === 'more') notice();
      else if (changed) wake();
    } catch (error) {
      failure = error as Error;
      changed = true;
      wake();
    }
  }
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
