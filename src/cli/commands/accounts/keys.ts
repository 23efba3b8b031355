/** Owns the commands about API keys: `keys list`, `keys create`, `keys change` and `keys rm`. */
import type { Client } from '../../api/client.js';
import { CliError, EXIT } from '../../cli-error.js';
import { clientOf, type CommonOptions } from '../../session.js';
import { printResult, styled } from '../../terminal/output.js';
import { pairsText, tableText } from '../../terminal/table.js';
import { timeText } from '../../terminal/time-text.js';
import { forEach } from '../../each.js';

/** The least that names a key: a typing mistake in fewer characters may well name another one. */
const MIN_PREFIX = 6;

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
  assertScopes(scope);
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
  assertScopes(scope);
  const client = clientOf(options);
  const told = await client.json<KeyInfo>('PATCH', keyPath(await keyId(client, id)), {
    ...(name !== undefined && { name }),
    ...(role !== undefined && { role }),
    ...(scope && { scopes: scope }),
    ...(expires !== undefined && { expiresAt: expires }),
  });
  printResult(options.json === true, told, () => `${styled('green', '✓')} key ${told.id} is changed`);
}

export async function removeKeys(ids: string[], options: CommonOptions): Promise<void> {
  const client = clientOf(options);
  await forEach({
    names: ids,
    json: options.json === true,
    act: async (given) => {
      const id = await keyId(client, given);
      await client.json('DELETE', keyPath(id));
      return `key ${id} has ended`;
    },
    done: 'deleted',
  });
}

function assertScopes(scopes: string[] = []): void {
  const wrong = scopes.find((scope) => !/^invoke:./.test(scope));
  if (wrong === undefined) return;
  throw new CliError(
    `--scope is ${JSON.stringify(wrong)}; write invoke:FUNCTION, such as invoke:${/^[\w.-]+$/.test(wrong) ? wrong : 'hello'}.`,
    EXIT.usage,
  );
}

function keyPath(id: string): string {
  return `/auth/keys/${encodeURIComponent(id)}`;
}

/** The id of the key that an id or the beginning of one means. Throws CliError when it means none, or several. */
async function keyId(client: Client, given: string): Promise<string> {
  if (/^[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}$/.test(given)) return given;
  const keys = await client.json<KeyInfo[]>('GET', '/auth/keys');
  const found = keys.filter(({ id }) => id.startsWith(given));
  const [only, other] = found;
  if (only === undefined) throw noSuchKey(given, keys);
  if (only.id === given) return given;
  if (given.length < MIN_PREFIX)
    throw new CliError(
      `"${given}" is too short for an id; write ${MIN_PREFIX} of its characters or more.`,
      EXIT.usage,
    );
  if (other !== undefined)
    throw new CliError(
      `The ids of ${found.length} keys begin with "${given}"; write more of the one you mean:`,
      EXIT.usage,
      { details: pairsText(found.map(({ id, name }) => [id, name])) },
    );
  return only.id;
}

function noSuchKey(given: string, keys: KeyInfo[]): CliError {
  const named = keys.filter(({ name }) => name === given).map(({ id }) => id);
  const hint =
    named.length === 0
      ? ''
      : named.length === 1
        ? ` A key that is called so has the id ${named[0]}.`
        : ` Keys that are called so have the ids ${named.join(', ')}.`;
  return new CliError(
    `No key has the id ${JSON.stringify(given)}.${hint} \`glambdar keys list\` shows the ids.`,
    EXIT.notFound,
  );
}
