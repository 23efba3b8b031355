/** Owns the id of a request: the client's own if it sent a usable one, else a new one. */
import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';

/** Printable ASCII: safe in a header, in a log line and in an SSE `id:` field. */
const usable = /^[\x20-\x7e]{1,128}$/;

/** On the request itself: an entry in a WeakMap costs every request more than all else that is done for its id. */
const requestId = Symbol('request id');
const madeHere = Symbol('request id made here');
type Identified = IncomingMessage & { [requestId]?: string; [madeHere]?: boolean };

/** The id of this request; the same at every call, so that raw answers and routes agree on it. */
export function requestIdOf(req: IncomingMessage): string {
  const known = (req as Identified)[requestId];
  return known ?? identify(req);
}

/** Whether `requestIdOf` made the id itself: nobody can have used it before. */
export function isOwnRequestId(req: IncomingMessage): boolean {
  requestIdOf(req);
  return (req as Identified)[madeHere] === true;
}

/** The id a client sent, if it is usable, else a new one. */
export function idFrom(sent: string | string[] | undefined): { id: string; isOurs: boolean } {
  if (typeof sent === 'string' && usable.test(sent)) return { id: sent, isOurs: false };
  return { id: randomUUID(), isOurs: true };
}

function identify(req: Identified): string {
  const { id, isOurs } = idFrom(req.headers['x-request-id']);
  req[requestId] = id;
  req[madeHere] = isOurs;
  return id;
}
