/** Owns the commands that show and change settings: `config` and `env`. */
import type { Client } from '../api/client.js';
import { functionPath, type FunctionInfo } from '../api/function-info.js';
import { pairOf, valueOf } from '../key-value.js';
import { clientOf, type CommonOptions } from '../session.js';
import { printResult, say, styled } from '../terminal/output.js';
import { safeLine } from '../terminal/safe-text.js';
import { pairsText } from '../terminal/table.js';

export async function config(name: string, changes: string[], options: CommonOptions): Promise<void> {
  const client = clientOf(options);
  if (changes.length > 0) {
    const { notes = [] } = await client.json<{ notes?: string[] }>(
      'POST',
      functionPath('/config', name),
      Object.fromEntries(changes.map((text) => pairOf(text)).map(([key, text]) => [key, valueOf(text)])),
    );
    if (options.json !== true) for (const note of notes) say(`${styled('yellow', 'note')} ${safeLine(note)}`);
  }
  const { settings, publicUrl } = await infoOf(client, name);
  if (publicUrl !== undefined && changes.includes('public=true') && options.json !== true)
    say(`Everybody may call ${name} at ${safeLine(publicUrl)}`);
  printResult(options.json === true, settings, () =>
    pairsText(Object.entries(settings).map(([key, value]) => [key, shown(value)] as const)),
  );
}

export async function env(name: string, changes: string[], options: CommonOptions): Promise<void> {
  const client = clientOf(options);
  if (changes.length > 0) {
    const before = environmentOf(await infoOf(client, name));
    const changed = changes
      .map((text) => pairOf(text))
      .map(([key, text]) => [key, text === '' ? null : text] as const);
    // All variables are sent: a server may take them as the whole environment. Null removes one.
    await client.json('POST', functionPath('/config', name), {
      env: { ...before, ...Object.fromEntries(changed) },
    });
  }
  const variables = environmentOf(await infoOf(client, name));
  printResult(options.json === true, variables, () => {
    const pairs = Object.entries(variables);
    return pairs.length === 0 ? `${name} has no variables; set one with KEY=value.` : pairsText(pairs);
  });
}

function infoOf(client: Client, name: string): Promise<FunctionInfo> {
  return client.json<FunctionInfo>('GET', functionPath('/info', name));
}

function environmentOf({ settings }: FunctionInfo): Record<string, string> {
  return (settings['env'] ?? {}) as Record<string, string>;
}

function shown(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}
