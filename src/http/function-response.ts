/**
 * Owns writing what a function answered onto the wire, for every family. The function chooses status, headers and
 * bytes; framing, length and the headers that protect this origin are ours whatever it sets.
 */
import type { ServerResponse } from 'node:http';
import type { InvocationResponse } from '../invocation/invocation.js';

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
const ONE_STRING_BYTES = 16 * 1024;

/** Writes head and body at once. */
export function writeFunctionResponse(
  res: ServerResponse,
  response: InvocationResponse,
  ids: { requestId: string; invocationId: string },
): void {
  const { statusCode, body } = response;
  // Of what was set before Node would keep the last of each name only.
  for (const name of res.getHeaderNames()) res.removeHeader(name);
  // A flat list, and nothing set before: Node then writes the head without keeping a table of it.
  const head = [
    'X-Request-Id',
    ids.requestId,
    'X-Content-Type-Options',
    'nosniff',
    'X-Invocation-Id',
    ids.invocationId,
  ];
  for (const [name, value] of response.headers) if (!reserved.has(name.toLowerCase())) head.push(name, value);
  // Browsers apply every policy they get, so one that the function set stays in force beside this.
  head.push('Content-Security-Policy', SANDBOX, 'Server-Timing', serverTiming(response));
  if (statusCode === 204 || statusCode === 304) {
    res.writeHead(statusCode, head);
    res.end();
    return;
  }
  head.push('Content-Length', String(body.length));
  res.writeHead(statusCode, head);
  // Node itself leaves the body away when the request was HEAD. Latin-1 is every byte as it is.
  if (body.length <= ONE_STRING_BYTES) res.end(body.toString('latin1'), 'latin1');
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
