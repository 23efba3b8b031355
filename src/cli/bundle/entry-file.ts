/** Owns seeing that a folder has no entry file before it is packed and sent. What the entry file is, the server decides. */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { CliError, EXIT } from '../cli-error.js';

const ENTRY_FILES = ['js', 'mjs', 'cjs', 'ts', 'mts', 'cts'].map((end) => `index.${end}`);
const MAX_NAMED = 3;

/** Whether an entry file, or a file that may name one, lies in the folder. */
export function hasEntryFile(folder: string): boolean {
  return (
    ['glambdar.json', 'config.json', 'fn.yaml', ...ENTRY_FILES].some((file) => isFile(join(folder, file))) ||
    hasMain(folder)
  );
}

/**
 * Throws CliError for a folder in which nothing can be the entry file, with functions that lie below it. Other languages are the
 * server's to refuse, and a folder in which everything lies in one other folder is taken as that one.
 * @param shown the folder as the user wrote it
 * @param verb the command to name for the functions below it
 */
export function assertEntryFile(folder: string, shown: string, verb: 'deploy' | 'dev' = 'deploy'): void {
  if (hasEntryFile(folder)) return;
  const entries = readdirSync(folder, { withFileTypes: true }).filter(({ name }) => !name.startsWith('.'));
  const folders = entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
  if (entries.length === 0 || (entries.length === 1 && folders.length === 1)) return;
  if (entries.some(({ name }) => /\.(?:py|rb|php|go|rs|java|jar|cs|sh)$/.test(name))) return;
  const functions = folders.filter((name) => hasEntryFile(join(folder, name))).slice(0, MAX_NAMED);
  const below =
    functions.length === 0
      ? '`glambdar init NAME` makes a function.'
      : `Functions below it: ${functions.map((name) => `\`glambdar ${verb} ${join(shown, name)}\``).join(', ')}.`;
  throw new CliError(
    `${shown} has no entry file: expected ${ENTRY_FILES.slice(0, -1).join(', ')} or ${ENTRY_FILES.at(-1)}, a "main" in package.json, ` +
      `or a "handler" in glambdar.json. ${below}`,
    EXIT.usage,
  );
}

/** A main that is not there is the server's to refuse: a package.json may be anything. */
function hasMain(folder: string): boolean {
  try {
    const { main } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as { main?: unknown };
    return typeof main === 'string';
  } catch {
    return isFile(join(folder, 'package.json'));
  }
}

function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() === true;
}
