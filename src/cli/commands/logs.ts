/** Owns `logs`: which calls are shown, in which order, and for how long. */
import { setTimeout as sleep } from 'node:timers/promises';
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
  const all = name === undefined ? await allFunctions(client) : [];
  const names = name === undefined ? all.map((one) => one.name) : [name];
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
  if (name === undefined) await followAll(client, all, take, signal);
  else await followCalls(client, name, take, signal);
  process.exitCode = 130;
}

/** How often it is looked which functions there are. */
const LOOK_MS = 1_000;
/** A function that was deployed since then may have been called so often. */
const CALLS_MEANWHILE = 100;

/**
 * Follows all functions, also those that are deployed later, until the signal aborts. A function that is deleted is followed no
 * longer. Throws CliError when the server is away, or refuses a stream.
 * @param present functions whose calls until now are not wanted
 */
async function followAll(
  client: Client,
  present: FunctionInfo[],
  take: (record: CallRecord) => void,
  signal: AbortSignal,
): Promise<void> {
  /** By the function's life: one that is deployed again after a delete is another one. */
  const followed = new Map<string, AbortController>();
  let refusal: Error | undefined;
  const follow = (life: string, name: string, history: number): void => {
    const own = new AbortController();
    followed.set(life, own);
    followCalls(client, name, take, AbortSignal.any([signal, own.signal]), history)
      .catch((error: Error) => {
        // A stream that ended: whether the function or the server is away shows at the next look.
        const codes: number[] = [EXIT.notFound, EXIT.unreachable];
        if (!(error instanceof CliError && codes.includes(error.exitCode))) refusal ??= error;
      })
      .finally(() => followed.delete(life));
  };
  let known = livesOf(present);
  for (const [life, name] of known) follow(life, name, 0);
  while (!signal.aborted && refusal === undefined) {
    await sleep(LOOK_MS, undefined, { signal }).catch(() => undefined);
    if (signal.aborted) break;
    const now = livesOf(await allFunctions(client));
    for (const [life, own] of followed) if (!now.has(life)) own.abort();
    for (const [life, name] of now)
      if (!followed.has(life)) follow(life, name, known.has(life) ? 0 : CALLS_MEANWHILE);
    known = now;
  }
  if (refusal !== undefined) throw refusal;
}

/** What tells one life of a function from another → its name. */
function livesOf(functions: FunctionInfo[]): Map<string, string> {
  return new Map(functions.map(({ name, createdAt }) => [`${name} ${createdAt}`, name]));
}

async function allFunctions(client: Client): Promise<FunctionInfo[]> {
  const { functions } = await client.json<{ functions: FunctionInfo[] }>('GET', '/info');
  return functions;
}

/** With `--since` all calls are wanted, unless a number is given. */
function limitOf({ limit, since }: LogsOptions): number {
  if (limit === undefined) return since === undefined ? DEFAULT_LIMIT : Infinity;
  if (!/^[1-9]\d{0,5}$/.test(limit))
    throw new CliError(`--limit is "${limit}"; write a number from 1 to 999999.`, EXIT.usage);
  return Number(limit);
}
