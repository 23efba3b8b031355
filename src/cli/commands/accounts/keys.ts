/** Owns the commands about API keys: `keys list`, `keys create`, `keys change` and `keys rm`. */
import { CliError, EXIT } from '../../cli-error.js';
import { clientOf, type CommonOptions } from '../../session.js';
import { printResult, styled } from '../../terminal/output.js';
import { tableText } from '../../terminal/table.js';
import { timeText } from '../../terminal/time-text.js';

interface KeyInfo {
  id: string;
  name: string;
  role: string;
  namespace: string;
  scopes: string[] | null;
  expiresAt: string | null;
  lastUsedAt: string | null;
}

export async function listKeys(options: CommonOptions): Promise<void> {
  const keys = await clientOf(options).json<KeyInfo[]>('GET', '/auth/keys');
  printResult(options.json === true, keys, () =>
    tableText(
      ['ID', 'NAME', 'ROLE', 'NAMESPACE', 'SCOPES', 'EXPIRES', 'LAST USED'],
      keys.map((key) => [
        key.id,
        key.name,
        key.role,
        key.namespace,
        key.scopes?.join(' ') ?? 'all',
        timeText(key.expiresAt),
        timeText(key.lastUsedAt),
      ]),
    ),
  );
}

export async function createKey(
  name: string,
  { role, scope, expires, ...options }: CommonOptions & { role: string; scope?: string[]; expires?: string },
): Promise<void> {
  const made = await clientOf(options).json<KeyInfo & { key: string }>('POST', '/auth/keys', {
    name,
    role,
    ...(scope && { scopes: scope }),
    ...(expires !== undefined && { expiresAt: expires }),
  });
  printResult(
    options.json === true,
    made,
    () => `${made.key}\nThis key is shown once; its id is ${made.id}.`,
  );
}

/** What is not given stays as it is. */
export async function changeKey(
  id: string,
  {
    name,
    role,
    scope,
    expires,
    ...options
  }: CommonOptions & { name?: string; role?: string; scope?: string[]; expires?: string },
): Promise<void> {
  if (name === undefined && role === undefined && scope === undefined && expires === undefined)
    throw new CliError('Nothing is to be changed; write --name, --role, --scope or --expires.', EXIT.usage);
  const told = await clientOf(options).json<KeyInfo>('PATCH', `/auth/keys/${encodeURIComponent(id)}`, {
    ...(name !== undefined && { name }),
    ...(role !== undefined && { role }),
    ...(scope && { scopes: scope }),
    ...(expires !== undefined && { expiresAt: expires }),
  });
  printResult(options.json === true, told, () => `${styled('green', '✓')} key ${told.id} is changed`);
}

export async function removeKey(id: string, options: CommonOptions): Promise<void> {
  const told = await clientOf(options).json<object>('DELETE', `/auth/keys/${encodeURIComponent(id)}`);
  printResult(options.json === true, told, () => `${styled('green', '✓')} key ${id} has ended`);
}
