/** Owns the URL under which clients reach this server, for links in answers. The `Host` header is the client's word, and no part of it. */
import type { Socket } from 'node:net';
import { hostnameOf } from '../middleware/host.js';

export interface PublicBaseConfig {
  /** The address or name that the server listens on. */
  host: string;
  publicUrl: URL | null;
}

/** Addresses that mean all addresses of the machine, as URLs have them: no client can use them. */
const WILDCARDS: readonly string[] = ['0.0.0.0', '[::]'];

/**
 * The public URL, or the address that the server listens on, without a slash at its end.
 * @param socket the client's connection, whose own address stands for a server that listens on all of them
 */
export function publicBase({ host, publicUrl }: PublicBaseConfig, socket: Socket): string {
  if (publicUrl !== null) return publicUrl.href.replace(/\/+$/, '');
  return listenerBase(host, socket.localPort, socket);
}

/** The address of a listener, without a slash at its end. @param socket see `publicBase` */
export function listenerBase(
  host: string,
  port: number | undefined,
  { localAddress = host }: Pick<Socket, 'localAddress'>,
): string {
  return `http://${hostnameOf(isWildcard(host) ? localAddress : host)}:${port}`;
}

/** Such an address can be written in several ways, e.g. `0` and `::0`. */
function isWildcard(host: string): boolean {
  const url = `http://${hostnameOf(host)}`;
  return URL.canParse(url) && WILDCARDS.includes(new URL(url).hostname);
}
