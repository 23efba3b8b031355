/** Owns reading records of calls: the newest ones, page by page; those of calls that end from now on; that of a failed call. */
import { setTimeout as sleep } from 'node:timers/promises';
import { CliError, EXIT } from '../cli-error.js';
import type { Client } from './client.js';
import { readAll } from './client.js';
import { eventsOf } from './events.js';
import { functionPath, isRemark, type CallRecord } from './function-info.js';

/** The most that one request may ask for. */
const PAGE = 1_000;

/** Which records are wanted. */
export interface Wanted {
  /** The most of them. */
  limit: number;
  /** Milliseconds since 1970; earlier calls are not wanted. Null: all. */
  since: number | null;
  fits: (record: CallRecord) => boolean;
}

/** The newest fitting records of a function, newest first. */
export async function newestCalls(
  client: Client,
  name: string,
  { limit, since, fits }: Wanted,
): Promise<CallRecord[]> {
  const found: CallRecord[] = [];
  const count = Math.min(PAGE, limit);
  let before = '';
  for (;;) {
    const page = await client.json<CallRecord[]>(
      'GET',
      functionPath(
        '/logs',
        name,
        `?limit=${count}${before === '' ? '' : `&before=${encodeURIComponent(before)}`}`,
      ),
    );
    for (const record of page) {
      if (since !== null && Date.parse(record.invokedAt) < since) continue;
      if (fits(record)) found.push(record);
      if (found.length === limit) return found;
    }
    const last = page.at(-1);
    // Records stand in the order in which calls ended; none that ended before `since` can have begun after it.
    if (last === undefined || (since !== null && endOf(last) < since)) return found;
    before = last.id;
  }
}

/**
 * Gives each call of the function that ends from now on to `take`, until the signal aborts. Throws CliError when the server ends
 * the stream.
 * @param history so many earlier calls at most come first, the oldest of them before the others
 */
export async function followCalls(
  client: Client,
  name: string,
  take: (record: CallRecord) => void,
  signal: AbortSignal,
  history = 0,
): Promise<void> {
  let reason = 'it may be stopping';
  try {
    const path = functionPath('/logs', name, `?follow=1${history === 0 ? '' : `&limit=${history}`}`);
    const response = await client.open('GET', path, {
      headers: { Accept: 'text/event-stream' },
      signal,
    });
    const status = response.statusCode ?? 0;
    if (status >= 300) throw await client.refusal(path, status, await readAll(response, client.url));
    for await (const { name: event, data } of eventsOf(response))
      if (event === 'invocation') take(JSON.parse(data) as CallRecord);
      else ({ reason = reason } = JSON.parse(data) as { reason?: string });
  } catch (error) {
    if (signal.aborted) return;
    if (error instanceof CliError) throw error;
  }
  if (!signal.aborted)
    throw new CliError(`The server ended the stream of ${name}'s calls: ${reason}.`, EXIT.unreachable);
}

/** How long after the answer a record is read again: a container's last output is known only when the container has ended. */
const LAST_OUTPUT_MS = 250;

/** The record of a call that has failed, null when it cannot be read: not kept, not allowed, no server any more. */
export async function failedCall(client: Client, id: string): Promise<CallRecord | null> {
  const read = (): Promise<CallRecord> =>
    client.json<CallRecord>('GET', `/invocations/${encodeURIComponent(id)}`);
  try {
    const record = await read();
    const isWhole = record.outcome === 'function_error' && record.stdout + record.stderr !== '';
    if (isWhole) return record;
    await sleep(LAST_OUTPUT_MS);
    return await read();
  } catch {
    return null;
  }
}

/**
 * What the server remarked in the log of a call, a line each. Empty when the record cannot be read.
 * @param mayWait whether a container's last output is waited for
 */
export async function remarksOfCall(client: Client, id: string, mayWait: boolean): Promise<string[]> {
  const read = async (): Promise<string[]> => {
    const { stderr } = await client.json<CallRecord>('GET', `/invocations/${encodeURIComponent(id)}`);
    return stderr.split('\n').filter((line) => isRemark(line));
  };
  try {
    const remarks = await read();
    if (remarks.length > 0 || !mayWait) return remarks;
    await sleep(LAST_OUTPUT_MS);
    return await read();
  } catch {
    return [];
  }
}

function endOf({ invokedAt, durationMs }: CallRecord): number {
  return Date.parse(invokedAt) + durationMs;
}
