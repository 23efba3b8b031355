/** Owns the URL under which the listener for functions serves a function: the way back from `door-target.ts`. */
import type { Socket } from 'node:net';
import type { FunctionRef } from '../../model/function/ref.js';
import { listenerBase } from '../answers/public-base.js';
import { parseHost } from '../middleware/host.js';
import { doorTarget, hostnameOfFunction, type DoorAddressing } from './door-target.js';

export interface DoorUrlOptions extends DoorAddressing {
  /** The address or name that the listener listens on. */
  host: string;
  /** Its port, which may be known only once it listens. */
  port: () => number;
  /** The protocol of a proxy that stands before the listener and serves the domain; null when there is none. */
  proxyProtocol: 'http:' | 'https:' | null;
}

/**
 * The URL of a function, whether or not it is public: by its host name when there is a domain and the name fits into one, else by
 * its path.
 * @param socket the connection of the client that asks, whose own address stands for a listener on all addresses
 */
export type DoorUrl = (ref: FunctionRef, socket: Pick<Socket, 'localAddress'>) => string;

/** A label of a host name may have no more characters. */
const MAX_LABEL = 63;

export function createDoorUrl(options: DoorUrlOptions): DoorUrl {
  const { host, port, proxyProtocol, withNamespaces } = options;
  return (ref, socket) => {
    const hostname = hostnameFor(ref, options);
    if (hostname !== undefined)
      return proxyProtocol === null ? `http://${hostname}:${port()}/` : `${proxyProtocol}//${hostname}/`;
    const namespace = withNamespaces ? `${ref.namespace}/` : '';
    return `${listenerBase(host, port(), socket)}/${namespace}${ref.name}`;
  };
}

/** Undefined when there is no domain, or when no request to the host name would find the function. */
function hostnameFor(ref: FunctionRef, addressing: DoorAddressing): string | undefined {
  const hostname = hostnameOfFunction(ref, addressing);
  if (hostname === undefined || hostname.indexOf('.') > MAX_LABEL) return undefined;
  const found = doorTarget('/', parseHost(hostname), addressing)?.ref;
  return found?.name === ref.name && found.namespace === ref.namespace ? hostname : undefined;
}
