/** Owns `backup`, `restore` and `reset-key`: this process becomes the operator's program of the server's own machine. */
import { setEnvironmentVariable } from '../../config.js';
import { useDefaultDirectory } from './start.js';

interface DirectoryOption {
  /** The server's data directory. */
  dir?: string;
}

export async function backup(file: string, options: DirectoryOption): Promise<void> {
  useDirectory(options);
  await administer('backup', file);
}

export async function resetKey(options: DirectoryOption): Promise<void> {
  useDirectory(options);
  await administer('reset-key');
}

export async function restore(file: string, directory: string): Promise<void> {
  await administer('restore', file, directory);
}

function useDirectory({ dir }: DirectoryOption): void {
  if (dir !== undefined) setEnvironmentVariable('GLAMBDAR_DIR', dir);
  useDefaultDirectory();
}

/** By its address, not by its name: nothing may import the beginning of the operator's program, which reads its arguments. */
async function administer(...args: string[]): Promise<void> {
  process.argv.splice(2, process.argv.length, ...args);
  const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
  await import(new URL(`../../admin.${extension}`, import.meta.url).href);
}
