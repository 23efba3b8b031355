/**
 * Owns writing a function's answer onto the wire, for every family and for both listeners. The function chooses status,
 * headers and bytes; the server sets framing and length and, on the origin of the API, the headers that protect that origin.
 */
import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { CallResponse } from '../../model/call/call.js';
import { HOP_BY_HOP } from '../../model/hop-by-hop.js';

/**
 * Functions answer on the API's own origin. In a sandbox without `allow-same-origin` their pages get an opaque
 * origin, so a script in such a page can neither read the API nor pass as same-origin.
 */
const SANDBOX = 'sandbox allow-scripts allow-forms allow-popups allow-downloads';

/** Headers only the server sets. The invoker has dropped most already; dropping them again makes this file safe by itself. */
const reserved: ReadonlySet<string> = new Set([
  ...HOP_BY_HOP,
  'content-length',
  'x-invocation-id',
  'x-request-id',
]);
const reservedOnApi: ReadonlySet<string> = new Set([...reserved, 'x-content-type-options']);
const reservedWithCors: ReadonlySet<string> = new Set([
  ...reserved,
  'access-control-allow-credentials',
  'access-control-allow-origin',
]);

/** Up to this size the body goes out in one string with the head: one buffer for the kernel instead of two. */
const ONE_STRING_BYTES = 16 * 1024;

const EMPTY = Buffer.alloc(0);

/** How thousandths are written behind a whole number: nothing, `.001`, …, `.999`. V8 takes 85 ns to write a fraction, and 10 with this table. */
const DECIMALS = Array.from({ length: 1000 }, (_, thousandths) => String(thousandths / 1000).slice(1));

export interface ResponseIds {
  requestId: string;
  invocationId: string;
}

/** The body to send of a function's answer: empty where its status forbids a body (RFC 9110 §15.3.5, §15.3.6, §15.4.5). */
export function bodyToSend({ statusCode, body }: CallResponse): Buffer {
  return statusCode === 204 || statusCode === 205 || statusCode === 304 ? EMPTY : body;
}

/**
 * Writes an answer on the origin of the API: head and body at once. Throws, with nothing sent, for a header that would break
 * out of its line. Headers that the response already has are removed.
 */
export function writeFunctionResponse(res: ServerResponse, response: CallResponse, ids: ResponseIds): void {
  const head = headOf(response, ids, reservedOnApi);
  // Browsers apply every policy they get, so a policy that the function set stays in force beside this one.
  head.push('X-Content-Type-Options', 'nosniff', 'Content-Security-Policy', SANDBOX);
  write(res, response, head);
}

/**
 * Like `writeFunctionResponse`, on the origin of functions, where pages and all their headers belong to the function.
 * @param cors headers of the setting `cors`, which replace the function's own of this kind; null without that setting
 */
export function writePublicResponse(
  res: ServerResponse,
  response: CallResponse,
  ids: ResponseIds,
  cors: readonly [name: string, value: string][] | null,
): void {
  const head = headOf(response, ids, cors === null ? reserved : reservedWithCors);
  if (cors !== null) for (const [name, value] of cors) head.push(name, value);
  write(res, response, head);
}

/** Names and values in turns. */
function headOf(
  response: CallResponse,
  { requestId, invocationId }: ResponseIds,
  dropped: ReadonlySet<string>,
): string[] {
  const head = ['X-Request-Id', requestId, 'X-Invocation-Id', invocationId];
  for (const [name, value] of response.headers) if (!dropped.has(name.toLowerCase())) head.push(name, value);
  head.push('Server-Timing', serverTiming(response));
  return head;
}

function write(res: ServerResponse, response: CallResponse, head: string[]): void {
  const { statusCode } = response;
  const body = bodyToSend(response);
  // 205 has no body but, unlike 204 and 304, a length: without it a client would wait for chunks or the end.
  if (statusCode !== 204 && statusCode !== 304) head.push('Content-Length', String(body.length));
  // With headers set before, Node would keep only the last of several headers of one name.
  for (const name of res.getHeaderNames()) res.removeHeader(name);
  // From a flat list, with no header set before, Node writes the head without keeping a table of headers.
  res.writeHead(statusCode, head);
  // Node itself leaves the body away when the request was HEAD.
  if (body.length === 0) res.end();
  else if (body.length > ONE_STRING_BYTES || res.socket === null) res.end(body);
  else writeInOne(res, res.socket, body);
}

/**
 * Writes head and body in one string, which costs the kernel's side of a warm call a tenth less than `res.end(body)`:
 * `end` adds an empty piece, and two pieces take the slower of two ways through the socket.
 */
function writeInOne(res: ServerResponse, socket: Socket, body: Buffer): void {
  socket.cork();
  // Latin-1 keeps every byte as it is.
  res.write(body.toString('latin1'), 'latin1');
  socket.uncork();
  res.end();
}

function serverTiming({ start, times }: CallResponse): string {
  return (
    `queue;dur=${round(times.queueMs)}, start;dur=${round(times.startMs)};desc="${start}", ` +
    `load;dur=${round(times.loadMs)}, run;dur=${round(times.runMs)}`
  );
}

/** Milliseconds with at most three decimals. */
function round(ms: number): string {
  // A difference of two differences may be a trifle below zero.
  const micros = Math.max(0, Math.round(ms * 1000));
  const decimals = micros % 1000;
  return `${(micros - decimals) / 1000}${DECIMALS[decimals]}`;
}
