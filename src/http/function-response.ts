/**
 * Owns writing what a function answered onto the wire, for every family. The function chooses status, headers and
 * bytes; framing, length and the headers that protect this origin are ours whatever it sets.
 */
import { validateHeaderName, validateHeaderValue, type ServerResponse } from 'node:http';
import type { InvocationResponse } from '../invocation/invocation.js';
import type { CallIds } from './run-call.js';

/**
 * Functions answer on the API's own origin. In a sandbox without `allow-same-origin` their pages get an opaque
 * origin, so a script in one can neither read the API nor pass as same-origin.
 */
const SANDBOX = 'sandbox allow-scripts allow-forms allow-popups allow-downloads';

/** Ours, or meant for one hop; dropped here although the invoker has checked, because the rule must hold for every family. */
const reserved = new Set([
  'connection',
  'content-length',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'x-content-type-options',
  'x-invocation-id',
  'x-request-id',
]);

/** Up to here the body goes out in one string with the head: one buffer for the kernel instead of two. */
export const ONE_STRING_BYTES = 16 * 1024;

/** A response that has no body, whatever the function gave. */
export function isBodiless(statusCode: number): boolean {
  return statusCode === 204 || statusCode === 304;
}

/** What the answer to every call carries, also when it is an error: name, value, name, value, … */
export function callHeaders({ requestId, invocationId }: CallIds): string[] {
  const head = ['X-Request-Id', requestId, 'X-Content-Type-Options', 'nosniff'];
  if (invocationId !== null) head.push('X-Invocation-Id', invocationId);
  return head;
}

/**
 * The headers of an answer, those about the connection left out: name, value, name, value, …
 * Throws for one that would break out of its line: who writes them need not be Node, which looks itself.
 */
export function functionAnswerHeaders(response: InvocationResponse, ids: CallIds): string[] {
  const head = callHeaders(ids);
  for (const [name, value] of response.headers) {
    if (reserved.has(name.toLowerCase())) continue;
    validateHeaderName(name);
    validateHeaderValue(name, value);
    head.push(name, value);
  }
  // Browsers apply every policy they get, so one that the function set stays in force beside this.
  head.push('Content-Security-Policy', SANDBOX, 'Server-Timing', serverTiming(response));
  if (!isBodiless(response.statusCode)) head.push('Content-Length', String(response.body.length));
  return head;
}

/** Writes head and body at once. */
export function writeFunctionResponse(res: ServerResponse, response: InvocationResponse, ids: CallIds): void {
  const { statusCode, body } = response;
  // Of what was set before Node would keep the last of each name only.
  for (const name of res.getHeaderNames()) res.removeHeader(name);
  // A flat list, and nothing set before: Node then writes the head without keeping a table of it.
  res.writeHead(statusCode, functionAnswerHeaders(response, ids));
  // Node itself leaves the body away when the request was HEAD. Latin-1 is every byte as it is.
  if (isBodiless(statusCode)) res.end();
  else if (body.length <= ONE_STRING_BYTES) res.end(body.toString('latin1'), 'latin1');
  else res.end(body);
}

function serverTiming({ start, times }: InvocationResponse): string {
  return (
    `queue;dur=${round(times.queueMs)}, start;dur=${round(times.startMs)};desc="${start}", ` +
    `load;dur=${round(times.loadMs)}, run;dur=${round(times.runMs)}`
  );
}

function round(ms: number): number {
  return Math.round(ms * 1000) / 1000;
}
