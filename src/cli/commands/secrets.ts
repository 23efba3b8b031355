/** Owns the commands about secrets: names can be listed, values only set and removed. */
import { CliError, EXIT } from '../cli-error.js';
import { functionPath } from '../api/function-info.js';
import { failureOf } from '../api/failure.js';
import { askSecretly } from '../terminal/question.js';
import { clientOf, type CommonOptions } from '../session.js';
import { printResult, styled } from '../terminal/output.js';

export async function listSecrets(name: string, options: CommonOptions): Promise<void> {
  const told = await clientOf(options).json<unknown>('GET', functionPath('/functions', name, '/secrets'));
  printResult(options.json === true, told, () => {
    const names = namesIn(told);
    return names.length === 0 ? `${name} has no secrets.` : names.join('\n');
  });
}

export async function setSecret(
  name: string,
  key: string,
  given: string | undefined,
  options: CommonOptions,
): Promise<void> {
  // The name becomes a part of the request's path, which proxies write to their logs.
  if (key.includes('='))
    throw new CliError(
      'The value of a secret is not part of the command: give the name alone, and the value when it is asked for, or from a file with `< file`.',
      EXIT.usage,
    );
  const client = clientOf(options);
  const value = given ?? (await askSecretly(`Value of ${key}: `));
  // As the body itself: an error about JSON could not tell of it without showing it.
  const reply = await client.exchange('PUT', secretPath(name, key), {
    headers: { 'Content-Type': 'text/plain; charset=utf-8' },
    body: value,
  });
  if (reply.status >= 300) throw failureOf(reply.status, reply.body);
  printResult(
    options.json === true,
    { function: name, secret: key },
    () => `${styled('green', '✓')} ${key} is set`,
  );
}

export async function removeSecret(name: string, key: string, options: CommonOptions): Promise<void> {
  await clientOf(options).json('DELETE', secretPath(name, key));
  printResult(
    options.json === true,
    { function: name, removed: key },
    () => `${styled('green', '✓')} ${key} is removed`,
  );
}

function secretPath(name: string, key: string): string {
  return functionPath('/functions', name, `/secrets/${encodeURIComponent(key)}`);
}

/** The names, whether the server lists them bare or with more about each. */
function namesIn(told: unknown): string[] {
  const list = Array.isArray(told) ? told : ((told as { secrets?: unknown[] } | null)?.secrets ?? []);
  return list.map((one) =>
    typeof one === 'string'
      ? one
      : String((one as { name?: unknown; key?: unknown }).name ?? (one as { key?: unknown }).key),
  );
}
