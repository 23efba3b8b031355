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

/** Writes head and body at once. `X-Request-Id` and `nosniff` were set when the request came in. */
export function writeFunctionResponse(res: ServerResponse, response: InvocationResponse): void {
  for (const [name, value] of response.headers) {
    if (!reserved.has(name.toLowerCase())) res.appendHeader(name, value);
  }
  // Browsers apply every policy they get, so one that the function set stays in force beside this.
  res.appendHeader('Content-Security-Policy', SANDBOX);
  res.appendHeader('Server-Timing', serverTiming(response));
  res.statusCode = response.statusCode;
  if (response.statusCode === 204 || response.statusCode === 304) {
    res.end();
    return;
  }
  res.setHeader('Content-Length', response.body.length);
  // Node itself leaves the body away when the request was HEAD.
  res.end(response.body);
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
