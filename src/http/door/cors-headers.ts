/** Owns what the setting `cors` of a function means on the wire: answering a preflight, and the headers of every other answer. */
import type { IncomingHttpHeaders } from 'node:http';
import { allowsEvery, type CorsSettings } from '../../model/function/cors.js';

type Headers = [name: string, value: string][];

const HEADER_NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;

/** Whether a browser asks whether a page may send the request that it describes. */
export function isPreflight(method: string | undefined, headers: IncomingHttpHeaders): boolean {
  return (
    method === 'OPTIONS' &&
    headers.origin !== undefined &&
    headers['access-control-request-method'] !== undefined
  );
}

/**
 * Headers for an answer of the function. They replace the function's own of these names, but not its `Vary`.
 * @param origin the request's `Origin`
 */
export function corsHeaders(cors: CorsSettings, origin: string | undefined): Headers {
  if (allowsEvery(cors.origins)) return [['Access-Control-Allow-Origin', '*']];
  // Also without an origin, or for another one: a cache must not give that answer to a page that may see it.
  const vary: Headers = [['Vary', 'Origin']];
  if (origin === undefined || !cors.origins.includes(origin)) return vary;
  return [
    ['Access-Control-Allow-Origin', origin],
    ...(cors.credentials ? ([['Access-Control-Allow-Credentials', 'true']] satisfies Headers) : []),
    ...vary,
  ];
}

/** Headers for the answer to a preflight. A page of an origin that is not allowed gets none that allow anything. */
export function preflightHeaders(cors: CorsSettings, headers: IncomingHttpHeaders): Headers {
  const always = corsHeaders(cors, headers.origin);
  if (!always.some(([name]) => name === 'Access-Control-Allow-Origin')) return always;
  const names = allowsEvery(cors.headers) ? requestedHeaders(headers) : cors.headers;
  return [
    ...always,
    ['Access-Control-Allow-Methods', cors.methods.join(', ')],
    ...(names.length === 0 ? [] : ([['Access-Control-Allow-Headers', names.join(', ')]] satisfies Headers)),
    ['Access-Control-Max-Age', String(cors.maxAge)],
  ];
}

/** The names that the page wants to send. `*` would not cover `Authorization`, nor anything together with cookies. */
function requestedHeaders(headers: IncomingHttpHeaders): string[] {
  const asked = headers['access-control-request-headers'];
  if (typeof asked !== 'string') return [];
  return asked
    .split(',')
    .map((name) => name.trim())
    .filter((name) => HEADER_NAME.test(name));
}
