/** Owns the command line as a whole: its name, its help, its groups of commands. What a command does is loaded when it runs. */
import { readFileSync } from 'node:fs';
import { Command } from 'commander';
import { EXIT_MEANINGS } from './cli-error.js';
import { accountCommands } from './definitions/accounts.js';
import { adminCommands } from './definitions/admins.js';
import { authorCommands } from './definitions/authors.js';
import { functionCommands } from './definitions/functions.js';
import { machineCommands } from './definitions/machine.js';

/** The program with all its commands. Parsing throws CommanderError and CliError instead of ending the process. */
export function createProgram(): Command {
  const program = new Command('glambdar')
    .description('Deploys and runs functions on a Glambdar server.')
    .version(packageVersion(), '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print help')
    .exitOverride()
    .enablePositionalOptions()
    .showHelpAfterError('(`--help` after a command shows its options and examples)')
    .addHelpText(
      'after',
      `\nExit codes:\n${EXIT_MEANINGS.map(([code, meaning]) => `  ${String(code).padEnd(4)} ${meaning}`).join('\n')}`,
    );
  for (const add of [authorCommands, functionCommands, accountCommands, adminCommands, machineCommands])
    add(program);
  return program;
}

/** The version in package.json, which lies above wherever this file was compiled to. */
export function packageVersion(): string {
  for (const up of ['../..', '../../..']) {
    try {
      const file = new URL(`${up}/package.json`, import.meta.url);
      const { name, version } = JSON.parse(readFileSync(file, 'utf8')) as { name?: string; version?: string };
      if (name === 'glambdar' && version !== undefined) return version;
    } catch {
      // It lies further up.
    }
  }
  return 'unknown';
}
