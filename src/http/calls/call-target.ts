/** Owns reading the target of a native call: `/invoke/<name>`, then the path and query that the function gets as they were sent. */

const PREFIX = '/invoke/';

/** The route of calls, as metrics name it. */
export const INVOKE_ROUTE = '/invoke/:name';

/** Whether a request with this target, in origin form, runs a function. */
export function isCall(url: string): boolean {
  return url.startsWith(PREFIX) && url.length > PREFIX.length && url[PREFIX.length] !== '?';
}

/** @param url a target of which `isCall` is true. The name is decoded and not checked; path and query are as sent */
export function splitTarget(url: string): { name: string; path: string; query: string } {
  const question = url.indexOf('?');
  const pathname = question === -1 ? url : url.slice(0, question);
  const slash = pathname.indexOf('/', PREFIX.length);
  return {
    name: decode(slash === -1 ? pathname.slice(PREFIX.length) : pathname.slice(PREFIX.length, slash)),
    path: slash === -1 ? '/' : pathname.slice(slash),
    query: question === -1 ? '' : url.slice(question + 1),
  };
}

function decode(segment: string): string {
  if (!segment.includes('%')) return segment;
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}
