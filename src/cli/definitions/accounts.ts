/** Owns the definitions of the commands about who one is to a server. */
import type { Command } from 'commander';
import type { SignInOptions } from '../commands/accounts/accounts.js';
import { addCommand, collected, later } from './command.js';

export function accountCommands(program: Command): void {
  const accounts = () => import('../commands/accounts/accounts.js');
  const keyActions = () => import('../commands/accounts/keys.js');

  for (const [verb, description] of [
    ['register', 'Make an account on a server, and sign in.'],
    ['login', 'Sign in, with e-mail and password or with a key. The token is kept in the profile.'],
  ] as const) {
    const command = addCommand(program, verb, description, [
      `glambdar ${verb} --email ada@example.org`,
      `glambdar ${verb} --email ada@example.org --server https://functions.example.org --profile work`,
      ...(verb === 'login' ? ['glambdar login --key < key.txt'] : []),
    ])
      .option('-e, --email <email>', 'the e-mail address (default: asked for)')
      .option('-p, --password <password>', 'the password (default: asked for, or read from stdin)')
      .action(
        later(async () => {
          const { signIn } = await accounts();
          return (options: SignInOptions) => signIn(verb, options);
        }),
      );
    if (verb === 'login')
      command.option(
        '--key',
        'sign in with a key in place of e-mail and password; it is asked for, or read from stdin',
      );
  }

  addCommand(program, 'logout', "End the tokens of the account, and forget the profile's.", [
    'glambdar logout',
  ]).action(later(async () => (await accounts()).logout));
  addCommand(program, 'whoami', 'Show who you are to the server.', ['glambdar whoami']).action(
    later(async () => (await accounts()).whoami),
  );

  const keys = program.command('keys').description('Manage API keys.');
  addCommand(keys, 'list', 'List the keys.', ['glambdar keys list']).action(
    later(async () => (await keyActions()).listKeys),
  );
  addCommand(keys, 'create <name>', 'Make a key. It is shown once.', [
    'glambdar keys create ci --role deployer',
    'glambdar keys create webhook --role invoker --scope invoke:hello --expires 2027-01-31T00:00:00Z',
  ])
    .option('--role <role>', 'admin, deployer, invoker or viewer', 'deployer')
    .option('--scope <scope>', 'invoke:<function>; may be given several times', collected)
    .option('--expires <time>', 'an RFC 3339 time')
    .action(later(async () => (await keyActions()).createKey));
  addCommand(keys, 'change <id>', 'Change a key: its name, role, scopes or end.', [
    'glambdar keys change 3f0c1b1e --role viewer',
  ])
    .option('--name <name>', 'the new name')
    .option('--role <role>', 'admin, deployer, invoker or viewer')
    .option('--scope <scope>', 'invoke:<function>; may be given several times', collected)
    .option('--expires <time>', 'an RFC 3339 time')
    .action(later(async () => (await keyActions()).changeKey));
  addCommand(keys, 'rm <id>', 'End a key at once.', ['glambdar keys rm 3f0c1b1e']).action(
    later(async () => (await keyActions()).removeKey),
  );
}
