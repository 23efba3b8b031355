/** Owns reading the target of a call: `/invoke/<name>`, then the path and query that the function gets as they were sent. */

export const INVOKE_PREFIX = '/invoke/';
/** As metrics name it. */
export const INVOKE_ROUTE = '/invoke/:name';
export const CALL_METHODS: readonly string[] = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'];

/** Whether this is a request for a call. */
export function isCall({
  method = '',
  url = '',
}: {
  method?: string | undefined;
  url?: string | undefined;
}): boolean {
  const named = url.startsWith(INVOKE_PREFIX) && url.length > INVOKE_PREFIX.length;
  return named && url[INVOKE_PREFIX.length] !== '?' && CALL_METHODS.includes(method);
}

/** From the raw target. The name is decoded and not checked. */
export function splitTarget(url: string): { name: string; path: string; query: string } {
  const question = url.indexOf('?');
  const pathname = question === -1 ? url : url.slice(0, question);
  const slash = pathname.indexOf('/', INVOKE_PREFIX.length);
  return {
    name: decode(
      slash === -1 ? pathname.slice(INVOKE_PREFIX.length) : pathname.slice(INVOKE_PREFIX.length, slash),
    ),
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
