/**
 * Owns a proxy between a client and the machine's Docker daemon, which changes what the daemon is asked and what it answers: the
 * real daemon then does something else than the client wanted, as a broken one would.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, request, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const DAEMON = '/var/run/docker.sock';

/** The parts of the daemon's JSON that tests change. */
export interface EngineJson {
  HostConfig?: {
    Memory?: number;
    MemorySwap?: number;
    PidsLimit?: number;
    SecurityOpt?: string[];
    NetworkMode?: string;
    Mounts?: { Source: string }[];
  };
  State?: { OOMKilled?: boolean };
  SystemTime?: string;
}

/** What is changed: both get JSON as it was parsed, and change it in place. @param path of the request, without version and query */
export interface Changes {
  asked?: (value: EngineJson, method: string, path: string) => void;
  answered?: (value: EngineJson, method: string, path: string) => void;
}

export class EngineProxy {
  readonly #directory = mkdtempSync(join(tmpdir(), 'glambdar-engine-'));
  readonly #server: Server;
  #changes: Changes = {};

  private constructor() {
    this.#server = createServer((req, res) => {
      this.#forward(req, res).catch(() => res.destroy());
    });
    this.#server.on('upgrade', (req, client, head) => {
      const daemon = connect(DAEMON);
      const headers = Object.entries(req.headers).map(([name, value]) => `${name}: ${String(value)}\r\n`);
      daemon.write(`${req.method} ${req.url} HTTP/1.1\r\n${headers.join('')}\r\n`);
      daemon.write(head);
      for (const socket of [client, daemon]) socket.on('error', () => undefined);
      client.pipe(daemon).pipe(client);
    });
  }

  static async start(): Promise<EngineProxy> {
    const proxy = new EngineProxy();
    await new Promise<void>((resolve) =>
      proxy.#server.listen(join(proxy.#directory, 'docker.sock'), resolve),
    );
    return proxy;
  }

  /** Value for DOCKER_HOST. */
  get host(): string {
    return `unix://${this.#directory}/docker.sock`;
  }

  /** What is changed from now on. */
  change(changes: Changes): void {
    this.#changes = changes;
  }

  /** The daemon is away from now on. May be called twice. */
  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
    rmSync(this.#directory, { recursive: true, force: true });
  }

  async #forward(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const { method = '', url = '', headers } = req;
    const path = url.replace(/^\/v[\d.]+\//, '/').replace(/\?.*$/, '');
    const { asked, answered } = this.#changes;
    const body = asked ? changed(await bytesOf(req), (value) => asked(value, method, path)) : null;
    const sent = request({
      socketPath: DAEMON,
      method,
      path: url,
      headers: body === null ? headers : { ...headers, 'content-length': body.length },
    });
    res.once('close', () => sent.destroy());
    const answer = await new Promise<IncomingMessage>((resolve, reject) => {
      sent.once('response', resolve).once('error', reject);
      if (body === null) req.pipe(sent);
      else sent.end(body);
    });
    const status = answer.statusCode ?? 502;
    if (answered && path !== '/events') {
      const text = changed(await bytesOf(answer), (value) => answered(value, method, path));
      const { 'transfer-encoding': _, ...kept } = answer.headers;
      res.writeHead(status, { ...kept, 'content-length': text.length }).end(text);
    } else {
      res.writeHead(status, answer.headers);
      answer.pipe(res);
    }
  }
}

/** The JSON with a change made to it; what is no JSON stays as it is. */
function changed(bytes: Buffer, change: (value: EngineJson) => void): Buffer {
  try {
    const value = JSON.parse(bytes.toString()) as EngineJson;
    change(value);
    return Buffer.from(JSON.stringify(value));
  } catch {
    return bytes;
  }
}

async function bytesOf(message: IncomingMessage): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for await (const piece of message) pieces.push(piece as Buffer);
  return Buffer.concat(pieces);
}
