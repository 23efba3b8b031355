/** Owns not writing over a file that is there already. */
import { existsSync } from 'node:fs';
import { CliError, EXIT } from './cli-error.js';

/** Throws CliError when there is something at the path. */
export function assertFree(path: string): void {
  if (existsSync(path))
    throw new CliError(
      `${path} is there already; name another file, or write over it with --force.`,
      EXIT.usage,
    );
}
