/** Owns `start`: flags become variables, then this process becomes the server. */
import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { environmentVariable, setEnvironmentVariable } from '../../config.js';
import { CONFIG_VARIABLES } from '../../config-variables.js';

/** @param options of commander: the flags in camel case */
export async function start(options: Record<string, string>): Promise<void> {
  for (const { name } of CONFIG_VARIABLES) {
    const value = options[optionOf(name)];
    if (value !== undefined) setEnvironmentVariable(name, value);
  }
  useDefaultDirectory();
  // By its address, not by its name: nothing may import the beginning of the server.
  const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
  await import(new URL(`../../main.${extension}`, import.meta.url).href);
}

/** Names the data directory in the environment where neither a flag nor a variable did. */
export function useDefaultDirectory(): void {
  // The default directory is the checkout. An installed package is none: its folder goes away with the next update.
  if (!environmentVariable('GLAMBDAR_DIR') && !isCheckout())
    setEnvironmentVariable(
      'GLAMBDAR_DIR',
      join(environmentVariable('XDG_DATA_HOME') || join(homedir(), '.local/share'), 'glambdar'),
    );
}

/** `GLAMBDAR_MAX_ZIP_MB` as commander names its option: `maxZipMb`. */
function optionOf(variable: string): string {
  return variable
    .replace(/^GLAMBDAR_/, '')
    .toLowerCase()
    .replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
}

/** Whether this file lies in a checkout, compiled or not: packages come without the sources. */
function isCheckout(): boolean {
  return ['../../../src/config.ts', '../../../../src/config.ts'].some((path) =>
    existsSync(fileURLToPath(new URL(path, import.meta.url))),
  );
}
