/** Owns which of a request's headers a function gets to see. */

/** Meant for this hop or rewritten by us; `expect` was answered by us. */
const dropped = new Set([
  'connection',
  'content-length',
  'expect',
  'host',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

/**
 * Pairs in the order received, names in lower case, repeated ones repeated; without hop-by-hop headers, those that
 * `Connection` names, `content-length` and `host`.
 * @param raw Node's `rawHeaders`: name, value, name, value, …
 */
export function functionHeaders(
  raw: string[],
  connection: string | undefined,
): [name: string, value: string][] {
  const named = namedByConnection(connection);
  const pairs: [string, string][] = [];
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const name = (raw[i] as string).toLowerCase();
    if (!dropped.has(name) && !named?.has(name)) pairs.push([name, raw[i + 1] as string]);
  }
  return pairs;
}

function namedByConnection(connection: string | undefined): Set<string> | undefined {
  if (connection === undefined || connection === 'keep-alive' || connection === 'close') return undefined;
  return new Set(connection.split(',').map((name) => name.trim().toLowerCase()));
}
