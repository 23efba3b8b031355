/** Owns which of a request's headers a function gets to see. */
import { HOP_BY_HOP } from '../../model/hop-by-hop.js';

/** The server has answered `expect` itself; a function learns its body's length from the body. */
const dropped: ReadonlySet<string> = new Set([...HOP_BY_HOP, 'content-length', 'expect', 'host']);

/**
 * Pairs in the order received, names in lower case, repeated headers repeated; without hop-by-hop headers, headers that
 * `Connection` names, `content-length`, `expect` and `host`.
 * @param raw Node's `rawHeaders`: name, value, name, value, …
 * @param connection the value of the `Connection` header
 */
export function functionHeaders(
  raw: readonly string[],
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
