/** Owns `invoke`: what is sent to a function, and how its answer is shown, after a failure with the call's log. */
import { existsSync, readFileSync } from 'node:fs';
import { failedCall, remarksOfCall } from '../api/call-records.js';
import { readAll } from '../api/client.js';
import type { CallRecord } from '../api/function-info.js';
import { functionIn } from '../api/missing-function.js';
import { CliError, EXIT } from '../cli-error.js';
import { clientOf, type CommonOptions } from '../session.js';
import { hasPrinted, lastOutput, remarkLines } from '../terminal/call-text.js';
import { say, tell } from '../terminal/output.js';
import { safeJson, safeText } from '../terminal/safe-text.js';

export interface InvokeOptions extends CommonOptions {
  data?: string;
  header?: string[];
  method?: string;
  raw?: boolean;
  include?: boolean;
}

interface Body {
  content: Buffer | undefined;
  /** The data named a file without `@`, as clients of faas write it: they expect `Response: ` before the answer. */
  isFaasStyle: boolean;
}

/** @param given the name, or a URL of the server or its path; a path and a query may follow @param words all that stood on the command line */
export async function invoke(
  given: string,
  options: InvokeOptions,
  { args: words }: { args: string[] },
): Promise<void> {
  if (words.length > 1) throw dataWithoutOption(given, words.slice(1));
  const client = clientOf(options);
  const name = nameIn(given, client.url);
  const { content, isFaasStyle } = bodyOf(options.data);
  const headers = headersOf(options.header ?? []);
  const path = `/invoke/${targetOf(name)}`;
  const response = await client.open(methodOf(options.method), path, {
    headers: {
      ...(content && !hasHeader(headers, 'content-type') && { 'Content-Type': 'application/json' }),
      ...headers,
    },
    ...(content && { body: content }),
  });
  const answer = await readAll(response, client.url);
  const status = response.statusCode ?? 0;
  // The platform's own refusals carry no invocation: those are failures of the command, not answers of a function.
  if (status >= 400 && !response.headers['x-invocation-id']) throw await client.refusal(path, status, answer);
  if (status >= 400) process.exitCode = EXIT.failed;
  if (options.json) {
    const value = { status, headers: response.headers, body: jsonOrText(answer) };
    process.stdout.write(`${safeJson(value)}\n`);
    return;
  }
  if (options.include)
    process.stdout.write(`${headText(status, response.statusMessage ?? '', response.rawHeaders)}\n\n`);
  if (answer.length === 0 && process.stdout.isTTY && !options.raw) {
    if (!options.include)
      process.stderr.write(`${safeText(bodilessText(status, response.headers.location))}\n`);
  } else show(answer, options, isFaasStyle);
  const header = response.headers['x-invocation-id'];
  const id = options.raw || typeof header !== 'string' ? null : header;
  if (status < 400) {
    // A program that calls again and again is not to wait for what comes after the answer.
    const remarks = id === null ? [] : await remarksOfCall(client, id, process.stderr.isTTY);
    for (const line of remarkLines(remarks)) tell(line);
    return;
  }
  const record = id === null ? null : await failedCall(client, id);
  if (record !== null && (record.outcome !== 'ok' || status >= 500)) tellFailure(record, answer);
  else if (process.stdout.isTTY && !options.include)
    say(
      `glambdar: the call ended with status ${status}; \`glambdar logs ${functionIn(path) ?? name}\` shows what it printed.`,
    );
}

/** What an author would ask the log for: the function's last lines, hints, the stack. */
/** The function that is meant, with what follows it. Throws CliError for a URL of another server. */
function nameIn(given: string, server: string): string {
  if (!/^https?:\/\//i.test(given)) return given.replace(/^\/(?:invoke\/)?/, '');
  const prefix = `${server}/invoke/`;
  if (given.startsWith(prefix)) return given.slice(prefix.length);
  const [, origin, name] = /^(.+?)\/invoke\/(.+)$/.exec(given) ?? [];
  const remedy =
    origin !== undefined && name !== undefined
      ? `\`glambdar invoke ${name} --server ${origin}\` calls it there.`
      : 'Name the function: `glambdar invoke NAME`.';
  throw new CliError(`${given} is no URL of a function at ${server}. ${remedy}`, EXIT.usage);
}

/** The words that follow the name were meant as the body. */
function dataWithoutOption(name: string, words: string[]): CliError {
  return new CliError(
    `${safeText(words.join(' '))} stands behind the name; the body follows -d: \`glambdar invoke ${name} -d '{"name":"Ada"}'\`.`,
    EXIT.usage,
  );
}

/** @param answer what has been shown already: the server's sentence in it is not said twice */
function tellFailure(record: CallRecord, answer: Buffer): void {
  const lines = lastOutput(record, (jsonOrText(answer) as { error?: unknown } | null)?.error);
  const how = `the call ended with status ${record.status} after ${record.durationMs.toFixed(1)} ms`;
  const printed = lines.length === 0 ? '; it printed nothing.' : hasPrinted(record) ? '; it printed:' : ':';
  say(`glambdar: ${how}${printed}`);
  for (const line of lines) tell(line);
}

/** An answer without a body would leave the terminal empty, as if nothing had come. */
function bodilessText(status: number, location: string | undefined): string {
  return location === undefined ? `${status}, no body` : `${status}, Location: ${location}`;
}

/** Bytes as they are, unless they go to a terminal: there no control character of a function may arrive. */
function show(answer: Buffer, { raw = false }: InvokeOptions, isFaasStyle: boolean): void {
  if (isFaasStyle) process.stdout.write('Response: ');
  if (raw || (!process.stdout.isTTY && !isFaasStyle)) {
    process.stdout.write(answer);
    return;
  }
  const text = safeText(answer.toString('utf8'));
  process.stdout.write(text.endsWith('\n') ? text : `${text}\n`);
}

function bodyOf(data: string | undefined): Body {
  if (data === undefined) return { content: undefined, isFaasStyle: false };
  if (data === '-') return { content: readFileSync(0), isFaasStyle: false };
  if (data.startsWith('@')) return { content: readFile(data.slice(1)), isFaasStyle: false };
  const isFaasStyle = data.endsWith('.json') && existsSync(data);
  if (!isFaasStyle && /^[\w./~-]+\.json$/.test(data))
    throw new CliError(
      `There is no file ${data}; -d takes the body itself, or a file that is there. To send these very characters, write them to \`glambdar invoke NAME -d -\`.`,
      EXIT.usage,
    );
  return { content: isFaasStyle ? readFile(data) : Buffer.from(data), isFaasStyle };
}

function readFile(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch {
    throw new CliError(
      `The file ${path} cannot be read; -d @FILE sends a file, -d TEXT the text itself.`,
      EXIT.usage,
    );
  }
}

function headersOf(lines: string[]): Record<string, string | string[]> {
  const headers: Record<string, string[]> = {};
  for (const line of lines) {
    const at = line.indexOf(':');
    const name = line.slice(0, at).trim();
    const value = line.slice(at + 1).trim();
    if (at < 1 || !/^[\w!#$%&'*+.^`|~-]+$/.test(name) || /[^\t\x20-\x7e\x80-\xff]/.test(value))
      throw new CliError(
        `-H is "${safeText(line)}"; write a header such as "Content-Type: text/plain".`,
        EXIT.usage,
      );
    (headers[name] ??= []).push(value);
  }
  return Object.fromEntries(
    Object.entries(headers).map(([name, all]) => [name, all.length > 1 ? all : (all[0] ?? '')]),
  );
}

function hasHeader(headers: object, name: string): boolean {
  return Object.keys(headers).some((key) => key.toLowerCase() === name);
}

function methodOf(text = 'POST'): string {
  const method = text.toUpperCase();
  if (!/^[A-Z]{1,16}$/.test(method))
    throw new CliError(`-X is "${safeText(text)}"; write a method such as GET.`, EXIT.usage);
  return method;
}

/** The name, path and query as they stand in a URL; characters that cannot stand there are encoded. */
function targetOf(name: string): string {
  return name.replace(/[^\x21-\x7e]/gu, encodeURIComponent).replaceAll('#', '%23');
}

function headText(status: number, message: string, raw: string[]): string {
  const lines = [`HTTP/1.1 ${status} ${message}`];
  for (let at = 0; at < raw.length; at += 2) lines.push(`${raw[at]}: ${raw[at + 1]}`);
  return safeText(lines.join('\n'));
}

function jsonOrText(answer: Buffer): unknown {
  const text = answer.toString('utf8');
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
