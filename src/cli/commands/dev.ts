/** Owns `dev`: deploys a folder at every change and shows the calls of its function until Ctrl-C. */
import { followCalls } from '../api/call-records.js';
import type { Client } from '../api/client.js';
import { watchFolder } from '../bundle/watch-folder.js';
import { CliError, EXIT } from '../cli-error.js';
import { interrupted } from '../interruption.js';
import { clientOf } from '../session.js';
import { callText } from '../terminal/call-text.js';
import { say, styled } from '../terminal/output.js';
import { safeJson } from '../terminal/safe-text.js';
import { callUrlOf, deploySource, remarksOf, sourceOf, type DeployOptions, type Source } from './deploy.js';

export async function dev(path: string | undefined, options: DeployOptions): Promise<void> {
  const client = clientOf(options);
  const source = sourceOf(path, options.name);
  if (!source.isFolder) throw new CliError('`dev` watches a folder; `deploy` takes archives.', EXIT.usage);
  const signal = interrupted();
  // Watching begins before the first deploy: a change during it is not missed.
  const changes = watchFolder(source.path, signal);
  let following: Promise<void> | null = null;
  /** The remarks told last: they are told again only when they change. */
  const told = { remarks: '' };
  do {
    const isLive = await deployOnce(client, source, options, told);
    if (isLive && following === null) {
      following = follow(client, source.name, options, signal);
      if (!options.json) say(`watching ${source.path}; Ctrl-C ends`);
    }
    await changes.next();
  } while (!signal.aborted);
  await following;
  process.exitCode = 130;
}

/** Deploys, and says how it went: broken code is the normal case while somebody writes. Throws when there is no server at the beginning. */
async function deployOnce(
  client: Client,
  source: Source,
  options: DeployOptions,
  told: { remarks: string },
): Promise<boolean> {
  const from = performance.now();
  try {
    const deployed = await deploySource(client, source, { ...options, json: true });
    const ms = Math.round(performance.now() - from);
    if (options.json) process.stdout.write(`${safeJson({ deployed, ms }, 0)}\n`);
    else {
      say(
        `${styled('green', '✓')} version ${deployed.version} is live after ${ms} ms: ${callUrlOf(client, deployed)}`,
      );
      const remarks = remarksOf(deployed).join('\n');
      if (remarks !== '' && remarks !== told.remarks) say(remarks);
      told.remarks = remarks;
    }
    return true;
  } catch (error) {
    if (!(error instanceof CliError)) throw error;
    say(`${styled('red', '✗')} ${error.message}${error.details === '' ? '' : `\n${error.details}`}`);
    return false;
  }
}

/** Shows the calls. A cut stream is opened again: the server may have been restarted. */
async function follow(
  client: Client,
  name: string,
  { json }: DeployOptions,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    await followCalls(
      client,
      name,
      (record) => process.stdout.write(`${json ? safeJson(record, 0) : callText(record, false)}\n`),
      signal,
    ).catch(() => undefined);
    await new Promise((resolve) => setTimeout(resolve, signal.aborted ? 0 : 1_000));
  }
}
