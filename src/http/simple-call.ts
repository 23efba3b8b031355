/**
 * Owns recognising, in the bytes of a connection, a call that needs no more of HTTP than a request line, headers and a
 * body of announced length. Strict: whatever is in any doubt is no such call, and Node's parser gets its bytes.
 */
import { isCall } from './call-target.js';
import type { CallHead } from './run-call.js';

export interface SimpleCall {
  /** From the request line up to and including the empty line. */
  head: Buffer;
  bodyBytes: number;
  method: string;
  url: string;
  /** Like Node's: name, value, name, value, … */
  rawHeaders: string[];
  /** Those that this server itself looks at, by their lower-case names; each came once at most. */
  headers: Partial<Record<string, string>>;
  /** What the function gets of it, once the server has found nothing against it: the next call may begin with the same bytes. */
  accepted: CallHead | null;
}

const HEAD_END = Buffer.from('\r\n\r\n');
const MAX_HEAD_BYTES = 8 * 1024;
const MAX_HEADERS = 100;

const requestLine = /^(GET|POST|PUT|PATCH|DELETE) (\/[A-Za-z0-9\-._~!$&'()*+,;=:@%/?]+) HTTP\/1\.1$/;
const token = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const visible = /^[\t\x20-\x7e]*$/;
const digits = /^\d{1,9}$/;

/** They change how a message is framed or what becomes of the connection, or ask for more than an answer. */
const beyond = new Set([
  'expect',
  'http2-settings',
  'proxy-connection', // Node's parser obeys it like `Connection`
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);
/** What is looked at: a second one of these would be a matter of opinion. */
const single = new Set([
  'connection',
  'content-length',
  'host',
  'origin',
  'sec-fetch-mode',
  'sec-fetch-site',
  'x-request-id',
]);

/** The call whose head these bytes begin with; null when there is none, or not all of it is here yet. */
export function parseSimpleCall(bytes: Buffer): SimpleCall | null {
  const end = bytes.subarray(0, MAX_HEAD_BYTES).indexOf(HEAD_END);
  if (end === -1) return null;
  const [first = '', ...lines] = bytes.toString('latin1', 0, end).split('\r\n');
  const match = requestLine.exec(first);
  if (match === null || lines.length > MAX_HEADERS) return null;
  const [, method = '', url = ''] = match;
  if (!isCall({ method, url })) return null;
  const rawHeaders: string[] = [];
  const headers: SimpleCall['headers'] = {};
  for (const line of lines) {
    const colon = line.indexOf(':');
    const name = line.slice(0, Math.max(0, colon));
    const lower = name.toLowerCase();
    if (!token.test(name) || !visible.test(line) || beyond.has(lower)) return null;
    const said = line.slice(colon + 1).trimStart();
    const value = said.trimEnd();
    if (single.has(lower)) {
      if (headers[lower] !== undefined) return null;
      // Node's parser minds a tab behind a length.
      if (lower === 'content-length' && value !== said) return null;
      headers[lower] = value;
    }
    rawHeaders.push(name, value);
  }
  const { connection = 'keep-alive', host, 'content-length': length = '0' } = headers;
  if (connection.toLowerCase() !== 'keep-alive' || host === undefined || !digits.test(length)) return null;
  // A copy: the bytes are part of a larger buffer.
  const head = Buffer.from(bytes.subarray(0, end + HEAD_END.length));
  return { head, bodyBytes: Number(length), method, url, rawHeaders, headers, accepted: null };
}

/** Whether these bytes begin with the very same head. */
export function beginsWith(bytes: Buffer, { head }: SimpleCall): boolean {
  const { length } = head;
  return bytes.length >= length && head.compare(bytes, 0, length) === 0;
}
