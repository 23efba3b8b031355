/** Owns the rules for a function's answer, checked on the host because the worker cannot be trusted. */
import { GlambdarError } from '../errors.js';
import { HOP_BY_HOP } from '../model/hop-by-hop.js';

const MAX_HEADERS = 100;
const MAX_HEADER_BYTES = 16 * 1024;
/**
 * The limits are about the headers that the function set. A worker adds a content-type where the function named no type,
 * so one content-type does not count, up to this many bytes. The worker's own check is exact: it knows who set a header.
 */
const UNCOUNTED_TYPE_BYTES = 256;
/** Statuses whose answers have no body (RFC 9110 §15.3.5, §15.3.6, §15.4.5). The worker leaves such a body away, too. */
const BODILESS: ReadonlySet<number> = new Set([204, 205, 304]);
/** Header names that a function's answer may not set: the server writes the length, and connections are the server's too. */
const IGNORED: ReadonlySet<string> = new Set([...HOP_BY_HOP, 'content-length']);
const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
/** Visible characters, space, tab and the upper half of Latin-1: the values that Node writes. */
const VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;

/**
 * The status and headers as they may be sent: hop-by-hop headers and lengths left out.
 * Throws BAD_RESPONSE naming the fault.
 */
export function checkResponse(
  statusCode: number,
  headers: readonly [string, string][],
): { statusCode: number; headers: [string, string][] } {
  if (statusCode < 200 || statusCode > 599)
    throw bad(`statusCode is ${statusCode}; expected a whole number from 200 to 599`);
  const kept: [string, string][] = [];
  let count = headers.length;
  let bytes = 0;
  let typed = false;
  for (const [name, value] of headers) {
    if (!TOKEN.test(name)) throw bad(`the header name ${shown(name)} has characters a name may not have`);
    let text = value;
    if (!VALUE.test(value)) {
      // Characters beyond Latin-1 go out as UTF-8.
      text = Buffer.from(value, 'utf8').toString('latin1');
      if (!VALUE.test(text))
        throw bad(`the value of the header ${shown(name)} has a line break or control character`);
    }
    const lower = name.toLowerCase();
    bytes += name.length + text.length;
    if (lower === 'content-type' && !typed) {
      typed = true;
      count -= 1;
      bytes -= Math.min(name.length + text.length, UNCOUNTED_TYPE_BYTES);
    }
    if (!IGNORED.has(lower)) kept.push([name, text]);
  }
  if (count > MAX_HEADERS) throw bad(`${count} headers; at most ${MAX_HEADERS} are sent`);
  if (bytes > MAX_HEADER_BYTES) throw bad(`${bytes} bytes of headers; at most ${MAX_HEADER_BYTES} are sent`);
  return { statusCode, headers: kept };
}

/** Whether an answer of this status has no body, whatever the function gave. */
export function isBodiless(statusCode: number): boolean {
  return BODILESS.has(statusCode);
}

function bad(what: string): GlambdarError {
  return new GlambdarError('BAD_RESPONSE', `The function's answer cannot be sent: ${what}.`);
}

function shown(name: string): string {
  return JSON.stringify(name.slice(0, 80));
}
