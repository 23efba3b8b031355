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
  const source = sourceOf(path, options.name, 'dev');
  if (!source.isFolder) throw new CliError('`dev` watches a folder; `deploy` takes archives.', EXIT.usage);
  const signal = interrupted();
  // Watching begins before the first deploy: a change during it is not missed.
  const changes = watchFolder(source.path, signal);
  let following: Promise<void> | null = null;
  const told: Told = { remarks: '', isWaiting: false };
  do {
    const outcome = await deployOnce(client, source, options, told);
    if (outcome === 'live' && following === null) {
      following = follow(client, source.name, options, signal);
      if (!options.json) say(`watching ${source.path}; Ctrl-C ends`);
    }
    await changes.next(outcome === 'waiting' ? RETRY_MS : undefined);
  } while (!signal.aborted);
  await following;
  process.exitCode = 130;
}

/** How often a deploy is tried again that found no server, or one that could not take it. */
const RETRY_MS = 1_000;

/** What was said last, which is not said again before it changes. */
interface Told {
  /** What the server remarked about the code. */
  remarks: string;
  /** That the server is waited for. */
  isWaiting: boolean;
}

/**
 * Deploys, and says how it went: broken code is the normal case while somebody writes. Throws CliError when the server does not
 * know the user: no change of the folder helps then.
 * @returns `waiting` when trying again may help without a change
 */
async function deployOnce(
  client: Client,
  source: Source,
  options: DeployOptions,
  told: Told,
): Promise<'live' | 'refused' | 'waiting'> {
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
    told.isWaiting = false;
    return 'live';
  } catch (error) {
    if (!(error instanceof CliError) || error.code === 'UNAUTHENTICATED') throw error;
    if (error.mayPass && told.isWaiting) return 'waiting';
    told.isWaiting = error.mayPass;
    say(`${styled('red', '✗')} ${error.message}${error.details === '' ? '' : `\n${error.details}`}`);
    say(
      error.mayPass
        ? 'waiting for the server; the folder is deployed as soon as it answers; Ctrl-C ends'
        : `watching ${source.path}; save to try again, Ctrl-C ends`,
    );
    return error.mayPass ? 'waiting' : 'refused';
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
