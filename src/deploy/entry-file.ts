/** Owns what a deploy says of the file that its code begins with, before it installs dependencies and loads the code. */
import { loadFailed } from '../model/call/outcome.js';

/** Paths relative to the root of the code. */
export interface EntryFile {
  file: string;
  /** Files of the same name with another extension. */
  others: string[];
}

/**
 * Finds the file that a runtime will load, or says what is wrong; null when that cannot be told before dependencies are
 * installed. Reads names, and `package.json`.
 * @param handler the setting, as a path into the code
 */
export type ForeseeEntry = (
  treeDir: string,
  handler: string | null,
) => EntryFile | { problem: string } | null;

/**
 * Hints about the entry file. Throws LOAD_FAILED, as the load would, when there is none: nobody should wait for an install
 * before hearing so.
 * @returns sentences with a full stop
 */
export function entryHints(foreseen: ReturnType<ForeseeEntry>): string[] {
  if (foreseen === null) return [];
  if ('problem' in foreseen)
    throw loadFailed({ name: 'LoadError', message: foreseen.problem, stack: '' }, 422);
  const { file, others } = foreseen;
  if (others.length === 0) return [];
  const [verb, it] = others.length === 1 ? ['does', 'it'] : ['do', 'them'];
  const isOlderBuild = /js$/.test(file) && others.every((other) => /ts$/.test(other));
  const advice = isOlderBuild
    ? `If ${file} is an older build of ${it}, build again, or leave ${file} out.`
    : 'Leave out what is not meant.';
  return [`${file} runs; ${others.join(' and ')} beside it ${verb} not. ${advice}`];
}
