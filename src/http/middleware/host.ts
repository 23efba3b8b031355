/**
 * Owns the rule that `Host` must name this server. Without it a web page can point its own DNS name at the loopback
 * address (DNS rebinding) and then read and command the API as same-origin.
 */
import { isIPv4 } from 'node:net';
import { GlambdarError } from '../../errors.js';
import { printable } from '../../model/printable.js';
import { clientOf } from '../requests/client.js';
import type { Check } from './checks.js';

const hostHeader = /^(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::(\d{0,5}))?$/i;
const MAX_PORT = 65_535;

export interface HostConfig {
  /** The address or name that the server was told to listen on. */
  host: string;
  publicUrl: URL | null;
}

/** Allows `localhost`, loopback addresses, the configured and the public host, and the address the client came to. */
export function allowedHosts({ host, publicUrl }: HostConfig): Check {
  const names = new Set(['localhost', '[::1]', hostnameOf(host)]);
  if (publicUrl !== null) names.add(publicUrl.hostname);
  /** The last `Host` that was accepted whatever address the client came to: nearly every request has the same. */
  let known: string | undefined;
  const isAllowed = (hostname: string | null): boolean =>
    hostname !== null && (names.has(hostname) || isLoopback(hostname));
  return (req) => {
    const { host: header } = req.headers;
    // A trusted proxy may name another host than it was asked for itself: both must be this server's.
    const { host: forwarded } = clientOf(req);
    if (forwarded !== header && !isAllowed(parseHost(forwarded)))
      throw misdirected('X-Forwarded-Host', forwarded);
    // Of several `Host` headers Node keeps the first; a proxy before this server may have checked another.
    const single = countHosts(req.rawHeaders) <= 1;
    if (single && known !== undefined && header === known) return;
    const hostname = single ? parseHost(header) : null;
    if (isAllowed(hostname)) {
      known = header;
      return;
    }
    if (!single)
      throw new GlambdarError(
        'MISDIRECTED_REQUEST',
        'The request has more than one Host header; send one, which names this server.',
      );
    if (hostname === null || !isOwn(hostname, req.socket.localAddress)) throw misdirected('Host', header);
  };
}

/** @param value the header's, undefined when there is none; a user name and a password in it are nobody's business */
function misdirected(header: string, value: string | undefined): GlambdarError {
  return new GlambdarError(
    'MISDIRECTED_REQUEST',
    `The ${header} header ${value === undefined ? 'is missing' : `is ${printable(value.replace(/^.*@/s, '…@'))}, which does not name this server`}. Use its address or localhost, or set GLAMBDAR_PUBLIC_URL to the name in use.`,
  );
}

/** Refuses a request whose host this server and a proxy before it could read differently (RFC 9112 §3.2). */
export function clearHost(): Check {
  return (req) => {
    if (countHosts(req.rawHeaders) <= 1 && parseHost(req.headers.host) !== null) return;
    throw new GlambdarError(
      'MISDIRECTED_REQUEST',
      'The Host header must name one host, such as fn.example.com:443.',
    );
  };
}

/** The host name in canonical form, IPv6 in brackets, without the port; null when it is not a host at all. */
export function parseHost(header: string | undefined): string | null {
  const match = hostHeader.exec(header ?? '');
  if (match === null || Number(match[2] ?? 0) > MAX_PORT) return null;
  const name = (match[1] as string).toLowerCase();
  return name.startsWith('[') ? canonicalIpv6(name) : name;
}

function isLoopback(hostname: string): boolean {
  return isIPv4(hostname) && hostname.startsWith('127.');
}

function isOwn(hostname: string, localAddress: string | undefined): boolean {
  return localAddress !== undefined && hostname === hostnameOf(localAddress);
}

/** An address or name as it stands in a URL. A socket reports IPv4 as `::ffff:1.2.3.4` when it listens on `::`. */
export function hostnameOf(address: string): string {
  const plain = address
    .toLowerCase()
    .replace(/^::ffff:(?=\d+\.)/, '')
    .replace(/%.*$/, '');
  return plain.includes(':') ? (canonicalIpv6(`[${plain}]`) ?? plain) : plain;
}

function canonicalIpv6(bracketed: string): string | null {
  return URL.canParse(`http://${bracketed}`) ? new URL(`http://${bracketed}`).hostname : null;
}

/** How many `Host` headers a request has. @param raw Node's `rawHeaders` */
export function countHosts(raw: readonly string[]): number {
  let count = 0;
  for (let i = 0; i < raw.length; i += 2)
    if (raw[i]?.length === 4 && raw[i]?.toLowerCase() === 'host') count += 1;
  return count;
}
