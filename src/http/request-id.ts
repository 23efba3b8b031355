/** Owns the id of a request: the client's own if it sent a usable one, else a new one. */
import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';

/** Printable ASCII: safe in a header, in a log line and in an SSE `id:` field. */
const usable = /^[\x20-\x7e]{1,128}$/;

const ids = new WeakMap<IncomingMessage, string>();

/** The id of this request; the same at every call, so that raw answers and routes agree on it. */
export function requestIdOf(req: IncomingMessage): string {
  let id = ids.get(req);
  if (id === undefined) {
    const sent = req.headers['x-request-id'];
    id = typeof sent === 'string' && usable.test(sent) ? sent : randomUUID();
    ids.set(req, id);
  }
  return id;
}
