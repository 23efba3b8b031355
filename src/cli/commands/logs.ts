/** Owns `logs`: which calls are shown, in which order, and for how long. */
import { followCalls, newestCalls } from '../api/call-records.js';
import type { CallRecord, FunctionInfo } from '../api/function-info.js';
import type { Client } from '../api/client.js';
import { CliError, EXIT } from '../cli-error.js';
import { interrupted } from '../interruption.js';
import { clientOf, type CommonOptions } from '../session.js';
import { callText } from '../terminal/call-text.js';
import { say } from '../terminal/output.js';
import { safeJson } from '../terminal/safe-text.js';
import { parseSince } from '../terminal/time-text.js';

export interface LogsOptions extends CommonOptions {
  name?: string;
  all?: boolean;
  follow?: boolean;
  since?: string;
  errors?: boolean;
  limit?: string;
}

const DEFAULT_LIMIT = 20;

export async function logs(given: string | undefined, options: LogsOptions): Promise<void> {
  const name = given ?? options.name;
  if ((name === undefined) === (options.all !== true))
    throw new CliError('Name one function, or write --all.', EXIT.usage);
  const client = clientOf(options);
  const names = name === undefined ? await allNames(client) : [name];
  const wanted = {
    limit: limitOf(options),
    since: options.since === undefined ? null : parseSince(options.since),
    fits: ({ outcome }: CallRecord) => options.errors !== true || outcome !== 'ok',
  };
  const show = (record: CallRecord): void =>
    void process.stdout.write(
      `${options.json ? safeJson(record, 0) : callText(record, name === undefined)}\n`,
    );

  // A follower begins with old calls only when asked for.
  if (!options.follow || options.since !== undefined || options.limit !== undefined) {
    const past = (await Promise.all(names.map((one) => newestCalls(client, one, wanted)))).flat();
    past.sort((a, b) => Date.parse(b.invokedAt) - Date.parse(a.invokedAt));
    const shown = past.slice(0, wanted.limit).reverse();
    for (const record of shown) show(record);
    if (shown.length === 0 && !options.follow && !options.json)
      say(options.errors ? 'No such call has failed.' : 'There are no such calls.');
  }
  if (!options.follow) return;
  const signal = interrupted();
  const take = (record: CallRecord): void => {
    if (wanted.fits(record)) show(record);
  };
  await Promise.all(names.map((one) => followCalls(client, one, take, signal)));
  process.exitCode = 130;
}

async function allNames(client: Client): Promise<string[]> {
  const { functions } = await client.json<{ functions: FunctionInfo[] }>('GET', '/info');
  return functions.map((one) => one.name);
}

/** With `--since` all calls are wanted, unless a number is given. */
function limitOf({ limit, since }: LogsOptions): number {
  if (limit === undefined) return since === undefined ? DEFAULT_LIMIT : Infinity;
  if (!/^[1-9]\d{0,5}$/.test(limit))
    throw new CliError(`--limit is "${limit}"; write a number from 1 to 999999.`, EXIT.usage);
  return Number(limit);
}
