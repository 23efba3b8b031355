/**
 * Owns where functions lie below `functions/`: `<name>/<version>/` in the namespace `default`, `@<namespace>/<name>/<version>/`
 * in any other; beside each version its sidecar `<version>.json`. No name begins with `@`, so the two layouts never collide.
 */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { isFunctionName } from '../model/function/function-name.js';
import { DEFAULT_NAMESPACE, type FunctionRef } from '../model/function/ref.js';

const VERSION = /^[1-9]\d{0,14}$/;
const NAMESPACE_MARK = '@';

/** The directory that holds the versions of a function. */
export function functionPath(functionsDir: string, { namespace, name }: FunctionRef): string {
  if (namespace === DEFAULT_NAMESPACE) return join(functionsDir, name);
  return join(functionsDir, `${NAMESPACE_MARK}${namespace}`, name);
}

/** The directory with the code of a version. */
export function versionPath(functionsDir: string, ref: FunctionRef, version: number): string {
  return join(functionPath(functionsDir, ref), String(version));
}

/** The file with the record of a version. */
export function sidecarPath(functionsDir: string, ref: FunctionRef, version: number): string {
  return `${versionPath(functionsDir, ref, version)}.json`;
}

/** The refs of all directories named like a function, in no order. The content of such a directory may be anything. */
export function listFunctionDirs(functionsDir: string): FunctionRef[] {
  const inNamespace = (namespace: string, directory: string): FunctionRef[] =>
    directoriesIn(directory)
      .filter(isFunctionName)
      .map((name) => ({ namespace, name }));
  const others = directoriesIn(functionsDir)
    .filter((entry) => entry.startsWith(NAMESPACE_MARK) && isFunctionName(entry.slice(1)))
    .flatMap((entry) => inNamespace(entry.slice(1), join(functionsDir, entry)));
  return [...inNamespace(DEFAULT_NAMESPACE, functionsDir), ...others];
}

/** Version numbers in a function's directory, highest first. `coded`: with a directory of code; `all`: also with a sidecar only. */
export function listVersionsOnDisk(
  functionsDir: string,
  ref: FunctionRef,
): { coded: number[]; all: number[] } {
  const directory = functionPath(functionsDir, ref);
  const descending = (names: string[]): number[] =>
    [...new Set(names.filter((name) => VERSION.test(name)).map(Number))].sort((a, b) => b - a);
  const entries = entriesIn(directory).map(({ name }) => name.replace(/\.json$/, ''));
  return { coded: descending(directoriesIn(directory)), all: descending(entries) };
}

/** Names of real directories: a symlink could lead anywhere. */
function directoriesIn(directory: string): string[] {
  return entriesIn(directory)
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name);
}

function entriesIn(directory: string) {
  try {
    return readdirSync(directory, { withFileTypes: true });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return [];
    throw error;
  }
}
