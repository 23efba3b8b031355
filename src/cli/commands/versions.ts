/** Owns the commands about versions: `versions`, `rollback` and `download`. */
import { createWriteStream, existsSync, rmSync } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { readAll } from '../api/client.js';
import { failureOf } from '../api/failure.js';
import { functionPath } from '../api/function-info.js';
import { CliError, EXIT } from '../cli-error.js';
import { clientOf, type CommonOptions } from '../session.js';
import { printResult, styled } from '../terminal/output.js';
import { sizeText } from '../terminal/progress-bar.js';
import { tableText } from '../terminal/table.js';
import { timeText } from '../terminal/time-text.js';

interface VersionInfo {
  version: number;
  digest: string;
  sizeBytes: number;
  /** RFC 3339 UTC. */
  deployedAt: string;
  /** Whether new calls run it. */
  active: boolean;
}

export async function versions(name: string, options: CommonOptions): Promise<void> {
  const client = clientOf(options);
  const told = await client.json<VersionInfo[]>('GET', functionPath('/functions', name, '/versions'));
  printResult(options.json === true, told, () =>
    tableText(
      ['VERSION', 'DEPLOYED', 'SIZE', 'DIGEST', ''],
      told.map((one) => [
        String(one.version),
        timeText(one.deployedAt),
        sizeText(one.sizeBytes),
        one.digest.slice(0, 19),
        one.active ? 'live' : '',
      ]),
      [0, 2],
    ),
  );
}

export async function rollback(name: string, text: string, options: CommonOptions): Promise<void> {
  const version = versionOf(text);
  const told = await clientOf(options).json<{ version: number }>(
    'POST',
    functionPath('/functions', name, '/rollback'),
    { version },
  );
  printResult(
    options.json === true,
    told,
    () => `${styled('green', '✓')} ${name} version ${told.version} is live`,
  );
}

export async function download(
  name: string,
  { version, output, ...options }: CommonOptions & { version?: string; output?: string },
): Promise<void> {
  if (output === '-' && process.stdout.isTTY)
    throw new CliError('A zip is no text for a terminal; write it to a file or into a pipe.', EXIT.usage);
  const client = clientOf(options);
  const query = version === undefined ? '' : `?version=${versionOf(version)}`;
  const response = await client.open('GET', functionPath('/functions', name, `/code${query}`));
  const status = response.statusCode ?? 0;
  if (status >= 300) throw failureOf(status, await readAll(response, client.url));
  if (output === '-') return pipeline(response, process.stdout);
  const file = output ?? fileNameIn(response.headers['content-disposition']) ?? `${name}.zip`;
  if (existsSync(file))
    throw new CliError(`${file} is there already; name another file with -o.`, EXIT.usage);
  try {
    await pipeline(response, createWriteStream(file, { flags: 'wx' }));
  } catch {
    rmSync(file, { force: true });
    throw new CliError(`${file} could not be written, or the connection was cut; try again.`);
  }
  printResult(options.json === true, { file }, () => `${styled('green', '✓')} ${name} is in ${file}`);
}

function versionOf(text: string): number {
  if (!/^[1-9]\d{0,14}$/.test(text))
    throw new CliError(`"${text}" is no version; \`glambdar versions\` lists them.`, EXIT.usage);
  return Number(text);
}

/** Only a plain name counts: a server may not choose a folder. */
function fileNameIn(disposition: string | undefined): string | null {
  return /filename="([A-Za-z0-9][A-Za-z0-9._-]{0,127})"/.exec(disposition ?? '')?.[1] ?? null;
}
