/** Owns reading the target of a call: `/invoke/<name>`, or another path with a name, then path and query, which the function gets as sent. */

const PREFIX = '/invoke/';

/** The route of calls, as metrics name it. */
export const INVOKE_ROUTE = '/invoke/:name';

/** Whether a request with this target, in origin form, runs a function. */
export function isCall(url: string): boolean {
  return url.startsWith(PREFIX) && url.length > PREFIX.length && url[PREFIX.length] !== '?';
}

/** The parts of a target. `name` is decoded and not checked; the other parts are as sent. */
export interface SplitTarget {
  name: string;
  /** The path up to the end of the name. */
  basePath: string;
  /** The path behind the name, at least `/`. */
  path: string;
  query: string;
}

/**
 * @param url a target in origin form
 * @param nameAt where the segment with the name begins; the default is for targets of which `isCall` is true
 */
export function splitTarget(url: string, nameAt = PREFIX.length): SplitTarget {
  const question = url.indexOf('?');
  const pathname = question === -1 ? url : url.slice(0, question);
  const slash = pathname.indexOf('/', nameAt);
  const basePath = slash === -1 ? pathname : pathname.slice(0, slash);
  return {
    name: decodeSegment(basePath.slice(nameAt)),
    basePath,
    path: slash === -1 ? '/' : pathname.slice(slash),
    query: question === -1 ? '' : url.slice(question + 1),
  };
}

/** A segment of a path without its percent escapes; as it is when an escape is wrong. */
export function decodeSegment(segment: string): string {
  if (!segment.includes('%')) return segment;
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}
