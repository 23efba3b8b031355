/**
 * Owns the recovery from a damaged `invocations.db`: the file is left where it is, and an empty `invocations-2.db` (then
 * -3, …) takes its place. That works while the server runs, when a connection may still be open (see `binding.ts`).
 */
import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Logger } from '../../../logger.js';
import { isDamage } from '../sqlite-error.js';
import { CallDatabase } from './call-database.js';

/** The options of `SqliteCallStoreOptions` that are used here. */
interface Options {
  dir: string;
  textLimitBytes?: number;
  logger?: Pick<Logger, 'warn'>;
}

/** Opens the newest database of records, or an empty one when the newest is damaged. */
export function openCalls(options: Options): CallDatabase {
  const generation = newest(options.dir);
  try {
    return CallDatabase.open(join(options.dir, fileOf(generation)), options.textLimitBytes);
  } catch (error) {
    if (!isDamage(error)) throw error;
    return replaceCalls(options, error);
  }
}

/** Leaves the newest database as it is, for the operator to look into, and opens an empty one. */
export function replaceCalls(options: Options, cause: unknown): CallDatabase {
  const { dir, textLimitBytes, logger } = options;
  const damaged = newest(dir);
  // Only one damaged database is kept: more of them on a dying disk would only fill it.
  for (const { file, generation } of databaseFiles(dir)) {
    if (generation < damaged) rmSync(join(dir, file));
  }
  const fresh = fileOf(damaged + 1);
  const message = `${fileOf(damaged)} was damaged and is kept; records of calls and counters start anew in ${fresh}.`;
  logger?.warn({ err: cause }, message);
  return CallDatabase.open(join(dir, fresh), textLimitBytes);
}

/** The number of the newest database of records; 1 when there is none. */
function newest(dir: string): number {
  return Math.max(1, ...databaseFiles(dir).map(({ generation }) => generation));
}

/** All databases of records, with their -wal and -shm. */
function databaseFiles(dir: string): { file: string; generation: number }[] {
  return readdirSync(dir).flatMap((file) => {
    const match = /^invocations(?:-(\d{1,9}))?\.db(?:-wal|-shm)?$/.exec(file);
    return match === null ? [] : [{ file, generation: Number(match[1] ?? 1) }];
  });
}

function fileOf(generation: number): string {
  return generation === 1 ? 'invocations.db' : `invocations-${generation}.db`;
}
