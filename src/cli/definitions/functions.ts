/** Owns the definitions of the commands about functions that are deployed. */
import type { Command } from 'commander';
import { addCommand, later } from './command.js';

export function functionCommands(program: Command): void {
  const functions = () => import('../commands/functions.js');
  const settings = () => import('../commands/settings.js');
  const secretActions = () => import('../commands/secrets.js');
  const versionActions = () => import('../commands/versions.js');

  addCommand(program, 'list', 'List the functions.', ['glambdar list', 'glambdar list --json'])
    .alias('ls')
    .action(later(async () => (await functions()).list));

  addCommand(program, 'info <name>', 'Show what is known of a function.', ['glambdar info hello']).action(
    later(async () => (await functions()).info),
  );

  addCommand(program, 'open <name>', "Print a function's URL and a curl line for it.", [
    'glambdar open hello',
  ]).action(later(async () => (await functions()).open));

  addCommand(program, 'rm <name...>', 'Delete functions. Running calls finish.', ['glambdar rm hello'])
    .alias('delete')
    .action(later(async () => (await functions()).remove));

  addCommand(program, 'config <name> [setting...]', 'Show or change settings, written key=value.', [
    'glambdar config hello',
    'glambdar config hello memoryMb=256 timeoutMs=5000',
    'glambdar config hello maxConcurrency=null',
  ]).action(later(async () => (await settings()).config));

  addCommand(
    program,
    'env <name> [variable...]',
    'Show or change variables of the environment. KEY=value sets one, KEY= removes it.',
    ['glambdar env hello', 'glambdar env hello LANGUAGE=fr', 'glambdar env hello LANGUAGE='],
  ).action(later(async () => (await settings()).env));

  const secrets = program
    .command('secrets')
    .description('Manage values that a function gets in its environment and nobody can read again.');
  addCommand(
    secrets,
    'list <name>',
    'List the names of the secrets.',
    ['glambdar secrets list hello'],
    // `secrets hello` lists them, too.
    { isDefault: true },
  ).action(later(async () => (await secretActions()).listSecrets));
  addCommand(
    secrets,
    'set <name> <key> [value]',
    "Set a secret. Without a value it is read from stdin, which keeps it out of the shell's history.",
    ['glambdar secrets set hello API_KEY < key.txt', 'glambdar secrets set hello API_KEY'],
  ).action(later(async () => (await secretActions()).setSecret));
  addCommand(secrets, 'rm <name> <key...>', 'Remove secrets.', ['glambdar secrets rm hello API_KEY']).action(
    later(async () => (await secretActions()).removeSecrets),
  );

  addCommand(program, 'versions <name>', 'List the versions that are kept.', [
    'glambdar versions hello',
  ]).action(later(async () => (await versionActions()).versions));
  addCommand(program, 'rollback <name> <version>', 'Go back to a version that is kept.', [
    'glambdar rollback hello 3',
  ]).action(later(async () => (await versionActions()).rollback));
  addCommand(program, 'download <name>', "Save a function's code as a zip.", [
    'glambdar download hello',
    'glambdar download hello --version 3 -o old.zip',
  ])
    .option('--version <number>', 'the version (default: the one that is served)')
    .option('-o, --output <file>', 'where to, - for stdout (default: <name>-v<version>.zip)')
    .option('--force', 'write over a file that is there')
    .action(later(async () => (await versionActions()).download));
}
