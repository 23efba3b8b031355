/**
 * Owns what is done about a database that is damaged or gone: it is kept aside, never repaired in place.
 * `glambdar.db` is moved away and rebuilt from the sidecars on disk, in the transaction that creates it. `invocations.db`
 * is left where it is, and an empty `invocations-2.db` (then -3, …) takes its place: that works while the server runs,
 * when a connection may still be open (see `sqlite.ts`).
 */
import { existsSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { Logger } from '../../logger.js';
import { DeploymentDatabase } from './deployment-database.js';
import { InvocationDatabase } from './invocation-database.js';
import { readSidecars } from '../../data/sidecar.js';
import { isDamage } from './sqlite.js';

/** Opens `glambdar.db`; `recovered` says in a sentence what had to be done for it, null when nothing. */
export function openDeployments(file: string): { database: DeploymentDatabase; recovered: string | null } {
  let sidecars: ReturnType<typeof readSidecars> = { found: [], lost: [] };
  let what = 'glambdar.db was missing';
  if (existsSync(file)) {
    const damage = DeploymentDatabase.damage(file);
    if (damage !== undefined) {
      what = `glambdar.db was damaged (${damage.replaceAll(/\s+/g, ' ').trim()}) and is kept as ${moveAside(file)}`;
    }
  }
  const database = DeploymentDatabase.open(
    file,
    () => (sidecars = readSidecars(join(dirname(file), 'functions'))).found,
  );
  const nothing = what.endsWith('missing') && sidecars.found.length === 0 && sidecars.lost.length === 0;
  return { database, recovered: nothing ? null : restored(what, sidecars) };
}

/** Renames a database and its companions; the database first, so that a crash half way reads as "missing". */
function moveAside(file: string): string {
  const suffix = `.corrupt-${Date.now()}`;
  for (const part of ['', '-wal', '-shm']) {
    if (existsSync(file + part)) renameSync(file + part, file + part + suffix);
  }
  return basename(file) + suffix;
}

function restored(what: string, { found, lost }: ReturnType<typeof readSidecars>): string {
  const count = found.length === 1 ? '1 function was' : `${found.length} functions were`;
  const gone = lost.length === 0 ? '' : `; not restored, having no readable record there: ${lost.join(', ')}`;
  return `${what}; ${count} restored from functions/${gone}.`;
}

/** Of `SqliteStoreOptions` what matters here. */
interface InvocationOptions {
  dir: string;
  textLimitBytes?: number;
  logger?: Pick<Logger, 'warn'>;
}

/** Opens the records of calls: the newest database there is, or an empty one when that is damaged. */
export function openInvocations(options: InvocationOptions): InvocationDatabase {
  const generation = newest(options.dir);
  try {
    return InvocationDatabase.open(join(options.dir, fileOf(generation)), options.textLimitBytes);
  } catch (error) {
    if (!isDamage(error)) throw error;
    return replaceInvocations(options, error);
  }
}

/** Leaves the newest database as it is, for somebody to look into, and opens an empty one. */
export function replaceInvocations(options: InvocationOptions, cause: unknown): InvocationDatabase {
  const { dir, textLimitBytes, logger } = options;
  const damaged = newest(dir);
  // One is kept: more of them on a dying disk would only fill it.
  for (const { file, generation } of invocationFiles(dir)) {
    if (generation < damaged) rmSync(join(dir, file));
  }
  const fresh = fileOf(damaged + 1);
  const message = `${fileOf(damaged)} was damaged and is kept; records of calls and counters start anew in ${fresh}.`;
  logger?.warn({ err: cause }, message);
  return InvocationDatabase.open(join(dir, fresh), textLimitBytes);
}

/** The number of the newest database; 1 when there is none. */
function newest(dir: string): number {
  return Math.max(1, ...invocationFiles(dir).map(({ generation }) => generation));
}

/** All databases of records, with their -wal and -shm. */
function invocationFiles(dir: string): { file: string; generation: number }[] {
  return readdirSync(dir).flatMap((file) => {
    const match = /^invocations(?:-(\d{1,9}))?\.db(?:-wal|-shm)?$/.exec(file);
    return match === null ? [] : [{ file, generation: Number(match[1] ?? 1) }];
  });
}

function fileOf(generation: number): string {
  return generation === 1 ? 'invocations.db' : `invocations-${generation}.db`;
}
