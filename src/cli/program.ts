/** Owns the command line as a whole: its name, its help, its groups of commands. What a command does is loaded when it runs. */
import { Command } from 'commander';
import { EXIT_MEANINGS } from './cli-error.js';
import { accountCommands } from './definitions/accounts.js';
import { adminCommands } from './definitions/admins.js';
import { authorCommands } from './definitions/authors.js';
import { functionCommands } from './definitions/functions.js';
import { machineCommands } from './definitions/machine.js';
import { helpAsTyped } from './own-name.js';
import { withMeantCommand } from './other-words.js';
import { packageVersion } from './package-folder.js';

/** The program with all its commands. Parsing throws CommanderError and CliError instead of ending the process. */
export function createProgram(): Command {
  const program = new Command('glambdar')
    .description('Deploys and runs functions on a Glambdar server.')
    .version(packageVersion(), '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print help')
    .exitOverride()
    .configureOutput({
      writeOut: (text) => void process.stdout.write(helpAsTyped(text)),
      // Programs get the sentence as JSON, from whoever catches the error.
      writeErr: (text) => void (wantsJson() || process.stderr.write(helpAsTyped(text))),
      outputError: (text, write) => write(withMeantCommand(text, process.argv.slice(2))),
    })
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

/** Whether a program reads what this one says: asked for before the command line is parsed, which may fail. */
export function wantsJson(): boolean {
  return process.argv.includes('--json');
}
