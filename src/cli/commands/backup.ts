/** Owns `backup` and `restore`: this process becomes the operator's program of the server's own machine. */
import { setEnvironmentVariable } from '../../config.js';
import { assertFree } from '../free-path.js';
import { useDefaultDirectory } from './start.js';

export async function backup(
  file: string,
  { dir, force = false }: { dir?: string; force?: boolean },
): Promise<void> {
  if (!force) assertFree(file);
  if (dir !== undefined) setEnvironmentVariable('GLAMBDAR_DIR', dir);
  useDefaultDirectory();
  await administer('backup', file);
}

export async function restore(file: string, directory: string): Promise<void> {
  await administer('restore', file, directory);
}

/** By its address, not by its name: nothing may import the beginning of the operator's program, which reads its arguments. */
async function administer(...args: string[]): Promise<void> {
  process.argv.splice(2, process.argv.length, ...args);
  const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
  await import(new URL(`../../admin.${extension}`, import.meta.url).href);
}
