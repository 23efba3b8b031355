/** Owns what a function may answer, checked on the host because the worker is not believed. */
import { GlambdarError } from '../errors.js';
import { HOP_BY_HOP } from '../model/hop-by-hop.js';

const MAX_HEADERS = 100;
const MAX_HEADER_BYTES = 16 * 1024;
/** Header names that a function's answer may not set: the server writes the length, and connections are the server's too. */
const IGNORED: ReadonlySet<string> = new Set([...HOP_BY_HOP, 'content-length']);
const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
/** Visible characters, space, tab and the upper half of Latin-1: what Node will write. */
const VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;

/**
 * The status and headers as they may be sent: hop-by-hop headers and lengths left out.
 * Throws BAD_RESPONSE naming what is wrong.
 */
export function checkResponse(
  statusCode: number,
  headers: readonly [string, string][],
): { statusCode: number; headers: [string, string][] } {
  if (statusCode < 200 || statusCode > 599)
    throw bad(`statusCode is ${statusCode}; expected a whole number from 200 to 599`);
  const kept: [string, string][] = [];
  let bytes = 0;
  for (const [name, value] of headers) {
    if (!TOKEN.test(name)) throw bad(`the header name ${shown(name)} has characters a name may not have`);
    const text = /[^\0-\xff]/.test(value) ? Buffer.from(value, 'utf8').toString('latin1') : value;
    if (!VALUE.test(text))
      throw bad(`the value of the header ${shown(name)} has a line break or control character`);
    bytes += name.length + text.length;
    if (!IGNORED.has(name.toLowerCase())) kept.push([name, text]);
  }
  if (headers.length > MAX_HEADERS) throw bad(`${headers.length} headers; at most ${MAX_HEADERS} are sent`);
  if (bytes > MAX_HEADER_BYTES) throw bad(`${bytes} bytes of headers; at most ${MAX_HEADER_BYTES} are sent`);
  return { statusCode, headers: kept };
}

function bad(what: string): GlambdarError {
  return new GlambdarError('BAD_RESPONSE', `The function's answer cannot be sent: ${what}.`);
}

function shown(name: string): string {
  return JSON.stringify(name.slice(0, 80));
}
