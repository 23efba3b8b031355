/** Owns the commands about users: `users list`, `users change` and `users rm`. */
import type { Client } from '../../api/client.js';
import { CliError, EXIT } from '../../cli-error.js';
import { clientOf, type CommonOptions } from '../../session.js';
import { printResult, styled } from '../../terminal/output.js';
import { tableText } from '../../terminal/table.js';
import { timeText } from '../../terminal/time-text.js';

interface UserInfo {
  uuid: string;
  email: string;
  role: string;
  mayBridge: boolean;
  createdAt: string;
}

export async function listUsers(options: CommonOptions): Promise<void> {
  const users = await clientOf(options).json<UserInfo[]>('GET', '/auth/users');
  printResult(options.json === true, users, () =>
    tableText(
      ['UUID', 'E-MAIL', 'ROLE', 'MAY BRIDGE', 'REGISTERED'],
      users.map(({ uuid, email, role, mayBridge, createdAt }) => [
        uuid,
        email,
        role,
        mayBridge ? 'yes' : 'no',
        timeText(createdAt),
      ]),
    ),
  );
}

/** What is not given stays as it is. */
export async function changeUser(
  user: string,
  { role, mayBridge, ...options }: CommonOptions & { role?: string; mayBridge?: 'on' | 'off' },
): Promise<void> {
  if (role === undefined && mayBridge === undefined)
    throw new CliError('Nothing is to be changed; write --role or --may-bridge.', EXIT.usage);
  const client = clientOf(options);
  const told = await client.json<UserInfo>('PATCH', await pathOf(client, user), {
    ...(role !== undefined && { role }),
    ...(mayBridge !== undefined && { mayBridge: mayBridge === 'on' }),
  });
  printResult(options.json === true, told, () => `${styled('green', '✓')} ${told.email} is changed`);
}

export async function removeUser(user: string, options: CommonOptions): Promise<void> {
  const client = clientOf(options);
  const told = await client.json<{ functions: string[] }>('DELETE', await pathOf(client, user));
  const count = told.functions.length;
  printResult(
    options.json === true,
    told,
    () =>
      `${styled('green', '✓')} ${user} is removed, with ${count} ${count === 1 ? 'function' : 'functions'}`,
  );
}

/** The route of a user. Throws CliError for an e-mail address that nobody has. */
async function pathOf(client: Client, user: string): Promise<string> {
  if (!user.includes('@')) return `/auth/users/${encodeURIComponent(user)}`;
  const users = await client.json<UserInfo[]>('GET', '/auth/users');
  const found = users.find(({ email }) => email === user.toLowerCase());
  if (found === undefined)
    throw new CliError(`No user has the e-mail address ${user}; see \`glambdar users list\`.`, EXIT.notFound);
  return `/auth/users/${found.uuid}`;
}
