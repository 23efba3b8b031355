/** Owns `start`: flags become variables, then this process becomes the server. */
import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { environmentVariable, readConfig, setEnvironmentVariable } from '../../config.js';
import { flagErrorOf, variablesOf, type FlagValues } from '../config-flags.js';

/** Becomes the server. Throws CliError for a flag with a wrong value. */
export async function start(flags: FlagValues): Promise<void> {
  useFlags(flags);
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

/** Sets the variables that the flags stand for. Throws CliError, which names the flag, when the configuration refuses one. */
function useFlags(flags: FlagValues): void {
  const variables = variablesOf(flags);
  for (const [name, value] of variables) setEnvironmentVariable(name, value);
  try {
    readConfig();
  } catch (error) {
    const wrong = flagErrorOf(error, variables);
    // A variable of the environment is the server's to refuse, as without this program.
    if (wrong !== null) throw wrong;
  }
}

/** Whether this file lies in a checkout, compiled or not: packages come without the sources. */
function isCheckout(): boolean {
  return ['../../../src/config.ts', '../../../../src/config.ts'].some((path) =>
    existsSync(fileURLToPath(new URL(path, import.meta.url))),
  );
}
