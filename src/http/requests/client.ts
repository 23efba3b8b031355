/**
 * Owns who sent a request and how that client addressed this server: what the connection says, or, when a trusted proxy is
 * at its other end, what the proxy's `X-Forwarded-For`, `-Proto` and `-Host` say.
 *
 * Every proxy adds the address it got the request from at the right of `X-Forwarded-For`. Read from the right, the first
 * address that is not a trusted proxy's is the client's; whatever stands to the left of it may be made up:
 *
 *   X-Forwarded-For: 6.6.6.6, 203.0.113.7, 10.0.0.2        connection from 10.0.0.1
 *                    made up  client       trusted proxy                  trusted proxy
 */
import type { IncomingMessage } from 'node:http';
import { isIP, isIPv6, type BlockList } from 'node:net';
import type { Check } from '../middleware/checks.js';

export interface Client {
  /** IPv4 or IPv6, without a zone; IPv4 never in IPv6 notation. Undefined when the connection is gone. */
  address: string | undefined;
  protocol: 'http' | 'https';
  /** The host and port that the client named, as sent and unchecked; undefined when it named none. */
  host: string | undefined;
}

/** Key of the client on the request itself: an entry in a WeakMap would cost more than all other work for it. */
const client = Symbol('client');
type Known = IncomingMessage & { [client]?: Client };

/** Notes the client of each request. To be run after `requestShape`, which may replace `Host`. */
export function readClient(trustedProxies: BlockList): Check {
  // Without trusted proxies `clientOf` reads all it needs from the connection.
  if (trustedProxies.rules.length === 0) return () => undefined;
  return (req) => {
    (req as Known)[client] = forwardedClient(req, trustedProxies);
  };
}

/** The client of a request: what `readClient` noted, else the other end of the connection. */
export function clientOf(req: IncomingMessage): Client {
  return ((req as Known)[client] ??= connectedClient(req));
}

/** An address without its zone, and IPv4 in IPv6 notation as IPv4. */
export function plainAddress(address: string): string {
  const zone = address.indexOf('%');
  const plain = zone === -1 ? address : address.slice(0, zone);
  return plain.startsWith('::ffff:') && plain.includes('.') ? plain.slice('::ffff:'.length) : plain;
}

function connectedClient({ socket, headers }: IncomingMessage): Client {
  const { remoteAddress } = socket;
  return {
    address: remoteAddress === undefined ? undefined : plainAddress(remoteAddress),
    protocol: 'http',
    host: headers.host,
  };
}

function forwardedClient(req: IncomingMessage, trusted: BlockList): Client {
  const connected = connectedClient(req);
  let { address } = connected;
  /** How many trusted proxies the request came through, the one at the other end of the connection included. */
  let proxies = 0;
  const addresses = listed(req, 'x-forwarded-for');
  while (address !== undefined && isTrusted(address, trusted)) {
    proxies += 1;
    const before = readAddress(addresses.at(-proxies));
    // A proxy that says nothing, or nothing usable, of whom it speaks for is the last one known.
    if (before === undefined) break;
    address = before;
  }
  if (proxies === 0) return connected;
  const protocol = addedBy(listed(req, 'x-forwarded-proto'), proxies)?.toLowerCase();
  return {
    address,
    protocol: protocol === 'https' ? 'https' : 'http',
    host: addedBy(listed(req, 'x-forwarded-host'), proxies) ?? connected.host,
  };
}

/** The values of a header that lists values, from all headers of this name. */
function listed({ headers }: IncomingMessage, name: string): string[] {
  const text = headers[name];
  if (typeof text !== 'string') return [];
  return text
    .split(',')
    .map((value) => value.trim())
    .filter((value) => value !== '');
}

/**
 * The entry of the trusted proxy that the client spoke to. A list that is shorter than the way has the entries of the first
 * proxies, because later ones passed it on as it was.
 */
function addedBy(list: readonly string[], proxies: number): string | undefined {
  return list.at(-Math.min(proxies, list.length));
}

/** The address in an entry of `X-Forwarded-For`, to which some proxies add the port. Undefined when there is none. */
function readAddress(entry: string | undefined): string | undefined {
  if (entry === undefined) return undefined;
  const [, bracketed, v4] = /^(?:\[([^\]]+)\](?::\d+)?|(\d+\.\d+\.\d+\.\d+):\d+)$/.exec(entry) ?? [];
  const address = bracketed ?? v4 ?? entry;
  return isIP(address) === 0 ? undefined : plainAddress(address.toLowerCase());
}

function isTrusted(address: string, trusted: BlockList): boolean {
  return trusted.check(address, isIPv6(address) ? 'ipv6' : 'ipv4');
}
