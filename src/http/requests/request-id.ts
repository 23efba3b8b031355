/** Owns the id of a request: the id that the client sent if it is usable, else a new one. */
import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';

/** Printable ASCII: safe in a header, in a log line and in an SSE `id:` field. */
const usable = /^[\x20-\x7e]{1,128}$/;

/** Keys of fields on the request itself: an entry in a WeakMap would cost more than all other work for an id. */
const requestId = Symbol('request id');
const madeHere = Symbol('request id made here');
type Identified = IncomingMessage & { [requestId]?: string; [madeHere]?: boolean };

/** The id of this request; the same at every call, so that raw answers and routes agree on it. */
export function requestIdOf(req: IncomingMessage): string {
  const known = (req as Identified)[requestId];
  return known ?? identify(req);
}

/** Whether `requestIdOf` made the id, so that no earlier request can have used it. */
export function isOwnRequestId(req: IncomingMessage): boolean {
  requestIdOf(req);
  return (req as Identified)[madeHere] === true;
}

function identify(req: Identified): string {
  const sent = req.headers['x-request-id'];
  const isTheirs =
    typeof sent === 'string' && usable.test(sent) && !(sent.includes(', ') && isSentTwice(req));
  const id = isTheirs ? sent : randomUUID();
  req[requestId] = id;
  req[madeHere] = !isTheirs;
  return id;
}

/** Node joins repeated headers with a comma, which would make one id of two. */
function isSentTwice({ rawHeaders }: IncomingMessage): boolean {
  let count = 0;
  for (let i = 0; i < rawHeaders.length; i += 2)
    if (rawHeaders[i]!.toLowerCase() === 'x-request-id') count += 1;
  return count > 1;
}
