/** Owns the definitions of the commands for admins of a server with accounts: users, quotas, the audit log. */
import { Option, type Command } from 'commander';
import { addCommand, later } from './command.js';

export function adminCommands(program: Command): void {
  const userActions = () => import('../commands/accounts/users.js');
  const quotaActions = () => import('../commands/accounts/quotas.js');

  const users = program.command('users').description('Manage users: for admins.');
  addCommand(users, 'list', 'List the users.', ['glambdar users list']).action(
    later(async () => (await userActions()).listUsers),
  );
  addCommand(users, 'change <user>', 'Change what a user may, named by UUID or e-mail address.', [
    'glambdar users change ada@example.org --role viewer',
    'glambdar users change ada@example.org --may-bridge on',
  ])
    .option('--role <role>', 'admin, deployer, invoker or viewer')
    .addOption(
      new Option('--may-bridge <on|off>', 'whether functions of the user may have a network').choices([
        'on',
        'off',
      ]),
    )
    .action(later(async () => (await userActions()).changeUser));
  addCommand(users, 'rm <user>', 'Remove a user, named by UUID or e-mail address, with keys and functions.', [
    'glambdar users rm ada@example.org',
  ]).action(later(async () => (await userActions()).removeUser));

  const quota = program.command('quota').description('Show quotas, and as an admin change them.');
  addCommand(quota, 'show', 'Show your quota and what you use of it.', [
    'glambdar quota show',
    'glambdar quota show --namespace 6f1e2a54-8d0c-4c39-9d0e-2f6f3c1d7a10',
  ]).action(later(async () => (await quotaActions()).showQuota));
  addCommand(quota, 'list', 'List the quotas of namespaces that have one of their own: for admins.', [
    'glambdar quota list',
  ]).action(later(async () => (await quotaActions()).listQuotas));
  addCommand(
    quota,
    'set <namespace> <part...>',
    'Change parts of the quota of a namespace, written key=value: functions, bundleBytes, concurrentCalls, callsPerMinute. null is no limit. For admins.',
    ['glambdar quota set default functions=20 concurrentCalls=10 callsPerMinute=null'],
  ).action(later(async () => (await quotaActions()).setQuota));
  addCommand(quota, 'reset <namespace>', "Give a namespace the server's standard quota again: for admins.", [
    'glambdar quota reset default',
  ]).action(later(async () => (await quotaActions()).resetQuota));

  addCommand(program, 'audit', 'Show who did what, the newest first: for admins.', [
    'glambdar audit',
    'glambdar audit --limit 500 --json',
  ])
    .option('-l, --limit <count>', 'so many lines, at most 1000', '100')
    .option('--before <id>', 'go on from the line with this id')
    .action(later(async () => (await import('../commands/accounts/audit.js')).audit));
}
