/** Owns the Node HTTP server around the app: its limits, how it starts to listen, and how it stops. */
import { createServer as createHttpServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { isIPv6, Server as NetServer, type AddressInfo, type Socket } from 'node:net';
import { GlambdarError } from '../errors.js';
import type { Logger } from '../logger.js';
import type { HttpApp } from './http-app.js';
import { rejectCalls } from './calls/client-gone.js';
import type { ConnectionPlaces } from './connections/connection-places.js';
import { Connections } from './connections/connections.js';
import { lingeringEnd } from './connections/lingering-end.js';
import { createClientErrorHandler } from './connections/raw-answer.js';
import { tunnelResponse } from './connections/tunnel-request.js';
import { WriteStalls } from './connections/write-stalls.js';
import { stopping } from '../model/call/refusal.js';
import { markAwaitingContinue, rejectBody } from './requests/request-body.js';

export interface ServerOptions {
  host: string;
  /** 0 = any free port. */
  port: number;
  logger?: Logger;
  /** Time limit for a request's head, and for the first byte of a new connection. Default 10 s; at most `requestTimeoutMs`. */
  headersTimeoutMs?: number;
  /** Time limit for a whole request including its body. Default 60 s. */
  requestTimeoutMs?: number;
  /** How often the time limits of connections are checked. Default 1 s; Node's own 30 s makes the limits look broken. */
  checkIntervalMs?: number;
  /** How long a connection may wait for its next request. Default 5 s. */
  keepAliveTimeoutMs?: number;
  /** How long a client may read nothing of an answer that waits for it. Default 30 s. */
  writeStallMs?: number;
  /** Default 1024: must leave file descriptors for Docker and SQLite. */
  maxConnections?: number;
  /** The places that this server's connections share with those of another one. */
  places?: ConnectionPlaces;
  /** The variables that the operator set `host` and `port` by. Default: those of the control API. */
  variables?: { host: string; port: string };
}

/** The server cannot listen on its address; the message is a sentence for the operator. */
export class ListenError extends Error {
  constructor(message: string, options: { cause: unknown }) {
    super(message, options);
    this.name = 'ListenError';
  }
}

export interface HttpServer {
  /** Rejects with `ListenError`, whose message is a sentence for the operator. */
  listen(): Promise<{ url: string; port: number }>;
  /**
   * Stops accepting connections, answers new requests on open connections with 503, lets running requests finish within
   * `graceMs`, then answers the remaining ones with 503 and cuts their connections. A further call may shorten the grace.
   */
  close(graceMs: number): Promise<void>;
}

const MAX_HEADER_BYTES = 16_384;

/** How long the answers to calls that are rejected because the server stops may take before their connections are cut. */
const LAST_WORD_MS = 200;

/** May be called more than once for one app: each server listens on an address of its own, and stops with the app. */
export function createServer(app: HttpApp, options: ServerOptions): HttpServer {
  const { host, port, logger, places, writeStallMs = 30_000 } = options;
  const { variables = { host: 'GLAMBDAR_HOST', port: 'GLAMBDAR_PORT' } } = options;
  const { keepAliveTimeoutMs = 5_000, checkIntervalMs = 1_000, requestTimeoutMs = 60_000 } = options;
  const server = createHttpServer({
    headersTimeout: Math.min(options.headersTimeoutMs ?? 10_000, requestTimeoutMs),
    requestTimeout: requestTimeoutMs,
    connectionsCheckingInterval: checkIntervalMs,
    keepAliveTimeout: keepAliveTimeoutMs,
    maxHeaderSize: MAX_HEADER_BYTES,
    // The host rule answers a missing Host, with a request id; Node's own 400 has none.
    requireHostHeader: false,
  });
  server.maxConnections = options.maxConnections ?? 1024;
  // No count: beyond one, Node would drop headers silently. Their size is bounded, and the app refuses too many.
  server.maxHeadersCount = 0;

  const connections = new Connections();
  const stalls = new WriteStalls({ sockets: () => connections.sockets(), limitMs: writeStallMs });
  const stallTimer = setInterval(() => stalls.check(), Math.min(checkIntervalMs, writeStallMs / 4)).unref();

  const handle = app.callback();
  const onRequest = (req: IncomingMessage, res: ServerResponse): void => {
    connections.began(req, res);
    // Node's parser stops behind a request that offers to upgrade: a next request on this connection would never be read.
    if (req.headers.upgrade !== undefined) res.shouldKeepAlive = false;
    void handle(req, res);
  };
  server.on('request', onRequest);
  server.on('checkContinue', (req, res) => {
    markAwaitingContinue(req);
    onRequest(req, res);
  });
  // Any other expectation may be ignored (RFC 9110 §10.1.1); Node's own 417 has no request id.
  server.on('checkExpectation', onRequest);
  server.on('connect', (req, duplex) => {
    const socket = duplex as Socket;
    // An answer to an earlier request is under way, and Node no longer looks after the connection it is written to.
    if (connections.on(socket).length > 0) socket.destroy();
    else onRequest(req, tunnelResponse(req, socket));
  });
  server.on('clientError', createClientErrorHandler(connections));
  server.on('connection', (socket: Socket) => {
    if (places !== undefined) {
      if (!places.take()) {
        socket.destroy();
        return;
      }
      socket.once('close', () => places.give());
    }
    // Node calls `destroySoon` after an answer with `Connection: close`, which would reset a client that is still sending.
    const destroySoon = socket.destroySoon.bind(socket);
    socket.destroySoon = () => (connections.isReceiving(socket) ? lingeringEnd(socket) : destroySoon());
  });

  let closed: Promise<void> | undefined;
  return {
    async listen() {
      await new Promise<void>((resolve, reject) => {
        const fail = (error: Error): void => reject(listenError(error, host, port, variables));
        server.once('error', fail);
        server.listen(port, host, () => {
          server.off('error', fail);
          resolve();
        });
      });
      // Accepting can fail later, e.g. without file descriptors; that must not end the process.
      server.on('error', (err) => logger?.warn({ err }, 'accepting a connection failed'));
      const actual = (server.address() as AddressInfo).port;
      return { url: `http://${isIPv6(host) ? `[${host}]` : host}:${actual}`, port: actual };
    },
    close(graceMs) {
      let cut = setTimeout(() => {
        const error = stopped();
        for (const { req } of connections.all()) rejectCalls(req.socket, error);
        cut = setTimeout(closeAll, LAST_WORD_MS);
      }, graceMs);
      closed ??= drain();
      return closed.finally(() => clearTimeout(cut));
    },
  };

  function closeAll(): void {
    for (const socket of connections.sockets()) socket.destroy();
    server.closeAllConnections();
  }

  async function drain(): Promise<void> {
    app.stop();
    // Not `server.close()`: that also closes idle connections at once, on which clients under load are just sending
    // their next request. These requests get a 503 as long as another request still runs.
    const ended = new Promise<void>((resolve) => NetServer.prototype.close.call(server, () => resolve()));
    // Pipelined calls behind an answer that ends the connection would run for nobody, so only the newest answer ends it.
    for (const socket of connections.sockets()) {
      const newest = connections.on(socket).at(-1);
      if (newest !== undefined && !newest.res.headersSent) newest.res.shouldKeepAlive = false;
    }
    // A call whose body is still arriving has not begun: its client can send the whole request elsewhere.
    for (const { req, res } of connections.all()) if (!res.headersSent) rejectBody(req, stopping());
    await connections.idle();
    closeAll();
    await ended;
    // Stops Node's timer that checks for slow requests.
    server.close();
    clearInterval(stallTimer);
  }
}

function stopped(): GlambdarError {
  return new GlambdarError(
    'STOPPING',
    'The server stopped before this request was answered; a part of its work may be done.',
    { retryAfterSeconds: 5 },
  );
}

function listenError(
  error: NodeJS.ErrnoException,
  host: string,
  port: number,
  variables: { host: string; port: string },
): ListenError {
  const where = `${isIPv6(host) ? `[${host}]` : host}:${port}`;
  // Only the control API is what commands speak to.
  const whereNext =
    variables.port === 'GLAMBDAR_PORT'
      ? ' Commands then need GLAMBDAR_URL=http://127.0.0.1:PORT, or --server with that URL.'
      : '';
  const failed = (reason: string): ListenError =>
    new ListenError(`Cannot listen on ${where}: ${reason}`, { cause: error });
  switch (error.code) {
    case 'EADDRINUSE':
      return failed(
        `another program uses this port. Stop it, or set ${variables.port} to a free one.${whereNext}`,
      );
    case 'EACCES':
      return failed(`this user may not use the port. Set ${variables.port} to one above 1023.`);
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return failed(`this machine has no such address. Set ${variables.host} to one it has.`);
    default:
      return failed(`${error.message}. Check ${variables.host} and ${variables.port}.`);
  }
}
