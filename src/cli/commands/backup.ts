/** Owns `backup`, `restore` and `reset-key`: this process becomes the operator's program of the server's own machine. */
import { setEnvironmentVariable } from '../../config.js';
import { assertFree } from '../free-path.js';
import { useDefaultDirectory } from './start.js';

interface JsonOption {
  json?: boolean;
}

interface DirectoryOption extends JsonOption {
  /** The server's data directory. */
  dir?: string;
}

export async function backup(
  file: string,
  { force = false, ...options }: DirectoryOption & { force?: boolean },
): Promise<void> {
  if (!force) assertFree(file);
  useDirectory(options);
  await administer(options, 'backup', file);
}

export async function resetKey(options: DirectoryOption): Promise<void> {
  useDirectory(options);
  await administer(options, 'reset-key');
}

export async function restore(file: string, directory: string, options: JsonOption): Promise<void> {
  await administer(options, 'restore', file, directory);
}

function useDirectory({ dir }: DirectoryOption): void {
  if (dir !== undefined) setEnvironmentVariable('GLAMBDAR_DIR', dir);
  useDefaultDirectory();
}

/** By its address, not by its name: nothing may import the beginning of the operator's program, which reads its arguments. */
async function administer({ json }: JsonOption, ...args: string[]): Promise<void> {
  process.argv.splice(2, process.argv.length, ...args, ...(json ? ['--json'] : []));
  const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
  await import(new URL(`../../admin.${extension}`, import.meta.url).href);
}
