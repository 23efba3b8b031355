/**
 * Owns the only way out of an install's container: an HTTP server on a Unix socket. It forwards requests that read packages to the
 * configured registry, and refuses all others. When scripts of packages run, the requests are hostile.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { RegistryClient } from './registry-client.js';

/** Headers of npm's requests that the registry needs; all others stay in the container. */
const ASKED = ['accept', 'accept-encoding', 'if-none-match', 'if-modified-since'];
/** Headers of the registry's answers that npm needs. */
const ANSWERED = [
  ...['cache-control', 'content-encoding', 'content-length', 'content-type', 'date', 'etag', 'expires'],
  ...['last-modified', 'vary'],
];
const MAX_URL_BYTES = 2048;

export interface ProxyLimits {
  /** Requests of one install; connections of one install. Beyond either nothing more is heard. */
  maxRequests: number;
  /** Bytes of all answers of one install. */
  maxBytes: number;
}

/** One request of an install, and how it ended. */
export interface ProxyEntry {
  method: string;
  /** As the container asked, up to the length that is forwarded. */
  path: string;
  /** The registry's status; `refused` by our rules; `failed` when the registry gave no whole answer. */
  status: number | 'refused' | 'failed';
  /** Bytes of the answer that were handed on. */
  bytes: number;
  /** Why a request failed, for the server's log. */
  cause?: unknown;
}

export interface RegistryProxyOptions {
  client: Pick<RegistryClient, 'request'>;
  /** Path of the registry, with a slash at its end. */
  basePath: string;
  limits: ProxyLimits;
  /** Called when a request has ended. */
  onEntry: (entry: ProxyEntry) => void;
}

/**
 * Why a request is not forwarded, or undefined when it may be. npm needs documents of packages and their archives; the
 * registry's own interface (`-/…`: accounts, tokens, search) would serve whoever asks with the operator's credentials.
 */
export function refusalOf(method: string, path: string, basePath: string): string | undefined {
  if (method !== 'GET' && method !== 'HEAD') return 'only reading is allowed';
  if (Buffer.byteLength(path) > MAX_URL_BYTES) return 'the path is too long';
  // Not by the URL parser, which would resolve dots: what is checked must be what is sent.
  if (!/^\/[\x21-\x7e]*$/.test(path) || path.includes('#') || path.includes('\\'))
    return 'the path is not plain';
  const [pathname = ''] = path.split('?', 1);
  const decoded = decodedOf(pathname);
  if (decoded === undefined || /(^|\/)\.{0,2}\//.test(decoded.slice(1)) || /\/\.{1,2}$/.test(decoded))
    return 'the path has empty parts or dots';
  if (!pathname.startsWith(basePath) || pathname === basePath) return 'it is not below the registry';
  if (/^(-|%2d)(\/|%2f|$)/i.test(pathname.slice(basePath.length))) return 'it is no package';
  return undefined;
}

/**
 * The server, not listening yet. Closing it ends the requests under way. It closes by itself when a container asks too often:
 * each request that is refused costs time and a place in the list of requests, too.
 */
export function createRegistryProxy({ client, basePath, limits, onEntry }: RegistryProxyOptions): Server {
  const ended = new AbortController();
  let requests = 0;
  let connections = 0;
  let bytes = 0;

  async function forward(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const { method = '', url = '' } = req;
    const entry: ProxyEntry = { method, path: kept(url), status: 'failed', bytes: 0 };
    try {
      const refusal =
        requests > limits.maxRequests ? 'there were too many requests' : refusalOf(method, url, basePath);
      if (refusal !== undefined) {
        entry.status = 'refused';
        return answer(res, 403, `This request is not forwarded: ${refusal}.`);
      }
      await pass(req, res, entry);
    } catch (cause) {
      entry.status = 'failed';
      entry.cause = cause;
      if (res.headersSent) res.destroy();
      else answer(res, 502, 'The registry did not answer.');
    } finally {
      onEntry(entry);
    }
  }

  async function pass(req: IncomingMessage, res: ServerResponse, entry: ProxyEntry): Promise<void> {
    const gone = new AbortController();
    res.once('close', () => gone.abort());
    const signal = AbortSignal.any([ended.signal, gone.signal]);
    const headers = picked(req, ASKED);
    const response = await client.request(entry.method as 'GET' | 'HEAD', entry.path, headers, signal);
    const status = response.statusCode ?? 502;
    entry.status = status;
    if (status >= 300 && status < 400 && status !== 304) {
      response.destroy();
      return answer(res, 502, 'The registry redirects this request, and redirects are not followed.');
    }
    res.writeHead(status, picked(response, ANSWERED));
    for await (const chunk of response as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      entry.bytes += chunk.length;
      if (bytes > limits.maxBytes)
        throw new Error('the answers of the registry exceed the limit of an install');
      if (!res.write(chunk)) await drained(res, signal);
    }
    res.end();
  }

  const stop = (): void => {
    server.close();
    server.closeAllConnections();
  };
  const server = createServer({ keepAliveTimeout: 60_000, maxHeaderSize: 16 * 1024 }, (req, res) => {
    req.resume();
    requests += 1;
    if (requests <= limits.maxRequests) return void forward(req, res);
    // The first one too many is told why; others may be waiting behind it already.
    if (requests > limits.maxRequests + 1) return void req.socket.destroy();
    res.once('close', stop);
    void forward(req, res);
  });
  server.maxConnections = 64;
  const connected = (): void => {
    connections += 1;
    if (connections > limits.maxRequests + 1) stop();
  };
  server.on('connection', connected).on('drop', connected);
  server.on('close', () => ended.abort());
  return server;
}

/** The path for the list: a copy, because a part of a string keeps the whole of it in memory. */
function kept(path: string): string {
  return path.length <= MAX_URL_BYTES
    ? path
    : Buffer.from(path.slice(0, MAX_URL_BYTES), 'latin1').toString('latin1');
}

function picked({ headers }: IncomingMessage, names: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    names.flatMap((name) => {
      const value = headers[name];
      return typeof value === 'string' ? [[name, value]] : [];
    }),
  );
}

function answer(res: ServerResponse, status: number, text: string): void {
  const body = JSON.stringify({ error: text });
  res.writeHead(status, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) });
  res.end(body);
}

function drained(res: ServerResponse, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const settle = (): void => {
      res.off('drain', settle);
      signal.removeEventListener('abort', settle);
      if (signal.aborted) reject(new Error('the reader has gone'));
      else resolve();
    };
    res.on('drain', settle);
    signal.addEventListener('abort', settle);
  });
}

function decodedOf(pathname: string): string | undefined {
  try {
    return decodeURIComponent(pathname);
  } catch {
    return undefined;
  }
}
