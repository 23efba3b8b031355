/** Owns the requests to the registry: one origin, its credentials, through the proxy that this machine's npm would take. */
import http, { type IncomingMessage, type OutgoingHttpHeaders } from 'node:http';
import https from 'node:https';
import type { Socket } from 'node:net';
import tls from 'node:tls';
import type { RegistryAccess } from './host-npm.js';

/** npm's own number of connections to one host. */
const CONNECTIONS = 15;
/** For a connection, an answer's head, and between two pieces of its body. */
const SILENCE_MS = 30_000;

export class RegistryClient {
  readonly #access: RegistryAccess;
  readonly #agent: http.Agent;

  constructor(access: RegistryAccess) {
    this.#access = access;
    this.#agent = createAgent(access);
  }

  /**
   * Asks the registry. Redirects are not followed. Rejects when no answer comes, or the signal aborts; the signal ends the
   * answer's body, too.
   * @param path path and query on the registry's host
   */
  request(
    method: 'GET' | 'HEAD',
    path: string,
    headers: OutgoingHttpHeaders,
    signal: AbortSignal,
  ): Promise<IncomingMessage> {
    const { url, authorization, proxy } = this.#access;
    const isSecure = url.protocol === 'https:';
    // A proxy for plain HTTP is asked for the whole URL; through one for HTTPS leads a tunnel.
    const viaProxy = proxy !== null && !isSecure;
    const { request } = isSecure ? https : http;
    return new Promise((resolve, reject) => {
      const outgoing = request({
        agent: this.#agent,
        method,
        host: viaProxy ? proxy.hostname : url.hostname.replace(/^\[(.*)\]$/, '$1'),
        port: viaProxy ? proxy.port || 80 : url.port || undefined,
        path: viaProxy ? url.origin + path : path,
        headers: {
          ...headers,
          host: url.host,
          ...(authorization !== null && { authorization }),
          ...(viaProxy && proxyHeaders(proxy)),
        },
        signal,
        timeout: SILENCE_MS,
      });
      outgoing.on('timeout', () =>
        outgoing.destroy(new Error(`the registry was silent for ${SILENCE_MS} ms`)),
      );
      outgoing.on('error', reject);
      outgoing.on('response', resolve);
      outgoing.end();
    });
  }

  close(): void {
    this.#agent.destroy();
  }
}

function createAgent({ url, proxy, ca, rejectUnauthorized }: RegistryAccess): http.Agent {
  const options = { keepAlive: true, maxSockets: CONNECTIONS };
  if (url.protocol === 'http:') return new http.Agent(options);
  const agent = new https.Agent({ ...options, ca, rejectUnauthorized });
  if (proxy === null) return agent;
  return Object.assign(agent, {
    createConnection: (
      connection: tls.ConnectionOptions,
      done: (error: Error | null, socket?: Socket) => void,
    ): undefined => {
      tunnel(proxy, `${url.hostname}:${url.port || 443}`).then(
        (socket) => done(null, tls.connect({ ...connection, socket, ca, rejectUnauthorized })),
        (error: Error) => done(error),
      );
    },
  });
}

/** A connection to `target` through a proxy. */
function tunnel(proxy: URL, target: string): Promise<Socket> {
  const { request } = proxy.protocol === 'https:' ? https : http;
  return new Promise((resolve, reject) => {
    const asked = request({
      host: proxy.hostname,
      port: proxy.port || (proxy.protocol === 'https:' ? 443 : 80),
      method: 'CONNECT',
      path: target,
      headers: { host: target, ...proxyHeaders(proxy) },
      timeout: SILENCE_MS,
    });
    asked.on('timeout', () => asked.destroy(new Error('the proxy was silent')));
    asked.on('error', reject);
    asked.on('connect', ({ statusCode }, socket) => {
      if (statusCode === 200) return resolve(socket);
      socket.destroy();
      reject(new Error(`the proxy refused the connection with status ${statusCode}`));
    });
    asked.end();
  });
}

function proxyHeaders({ username, password }: URL): OutgoingHttpHeaders {
  if (username === '') return {};
  const credentials = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  return { 'proxy-authorization': `Basic ${Buffer.from(credentials).toString('base64')}` };
}
