/**
 * Owns the client's end of HTTP/1.1: one request at a time on a kept-alive socket, written as prepared bytes and parsed
 * no further than needed, so that the generator takes little of the processor that the measured server shares with it.
 */
import { connect, type Socket } from 'node:net';

const HEAD_END = '\r\n\r\n';

/** The server closes connections that were idle for 5 s; one this old may be about to. */
const STALE_MS = 3_500;

export interface Answer {
  status: number;
  /** Status line and headers, as they came. */
  head: string;
  body: Buffer;
  /** From the request's first byte being written to the answer's last byte being read, milliseconds. */
  ms: number;
}

/**
 * The bytes of a request.
 * @param body sent as JSON unless `type` says otherwise
 * @param headers further ones
 */
export function requestBytes(
  method: string,
  path: string,
  body?: string | Buffer,
  type = 'application/json',
  headers: Record<string, string> = {},
): Buffer {
  const further = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  const content =
    body === undefined ? '' : `Content-Type: ${type}\r\nContent-Length: ${Buffer.byteLength(body)}\r\n`;
  const head = `${method} ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\n${further.join('')}${content}\r\n`;
  return Buffer.concat([Buffer.from(head), Buffer.from(body ?? '')]);
}

/** How the call found its container, as `Server-Timing` says: cold, standby, loaded, warm; null = it does not say. */
export function startOf(answer: Answer): string | null {
  return /start;dur=[\d.]+;desc="(\w+)"/.exec(answer.head)?.[1] ?? null;
}

/** Where the server says the time of a call went, milliseconds; 0 for what it does not say. */
export interface ServerTimes {
  queue: number;
  start: number;
  load: number;
  run: number;
}

/** What `Server-Timing` says of a call. */
export function timesOf(answer: Pick<Answer, 'head'>): ServerTimes {
  const text = /\r\nserver-timing: *([^\r]*)/i.exec(answer.head)?.[1] ?? '';
  const part = (name: string): number => Number(new RegExp(`\\b${name};dur=([\\d.]+)`).exec(text)?.[1] ?? 0);
  return { queue: part('queue'), start: part('start'), load: part('load'), run: part('run') };
}

/** Throws with the answer's text unless it is a 2xx. */
export function assertOk(answer: Answer): Answer {
  if (answer.status < 200 || answer.status > 299)
    throw new Error(`the server answered ${answer.status}: ${answer.body.toString().slice(0, 300)}`);
  return answer;
}

export class HttpConnection {
  readonly #socket: Socket;
  #received: Buffer | null = null;
  #began = 0;
  #lastUse = performance.now();
  #waiting: { resolve: (answer: Answer) => void; reject: (error: Error) => void } | null = null;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.setNoDelay(true);
    socket.on('data', (chunk: Buffer) => this.#receive(chunk));
    socket.on('error', (error) => this.#fail(error));
    socket.on('close', () => this.#fail(new Error('the connection was closed')));
  }

  /** Connected when it resolves. */
  static open(port: number): Promise<HttpConnection> {
    return new Promise((resolve, reject) => {
      const socket = connect({ port, host: '127.0.0.1' });
      socket.once('error', reject);
      socket.once('connect', () => {
        socket.off('error', reject);
        resolve(new HttpConnection(socket));
      });
    });
  }

  /** It can take a request. */
  get usable(): boolean {
    return !this.#socket.destroyed && performance.now() - this.#lastUse < STALE_MS;
  }

  /** Rejects when the connection ends before the answer. */
  call(request: Buffer): Promise<Answer> {
    return new Promise((resolve, reject) => {
      if (this.#waiting !== null) return reject(new Error('a call is under way on this connection'));
      if (this.#socket.destroyed) return reject(new Error('the connection is closed'));
      this.#waiting = { resolve, reject };
      this.#began = performance.now();
      this.#socket.write(request);
    });
  }

  close(): void {
    this.#socket.destroy();
  }

  #receive(chunk: Buffer): void {
    const bytes = this.#received === null ? chunk : Buffer.concat([this.#received, chunk]);
    const headEnd = bytes.indexOf(HEAD_END);
    if (headEnd === -1) {
      this.#received = bytes;
      return;
    }
    const head = bytes.toString('latin1', 0, headEnd);
    const status = Number(head.slice(9, 12));
    const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1];
    if (length === undefined && status !== 204)
      return void this.#socket.destroy(new Error('an answer has no Content-Length'));
    const end = headEnd + HEAD_END.length + Number(length ?? 0);
    if (bytes.length < end) {
      this.#received = bytes;
      return;
    }
    const now = performance.now();
    const waiting = this.#waiting;
    this.#received = null;
    this.#waiting = null;
    this.#lastUse = now;
    if (/\r\nconnection: *close/i.test(head)) this.#socket.destroy();
    waiting?.resolve({
      status,
      head,
      body: bytes.subarray(headEnd + HEAD_END.length, end),
      ms: now - this.#began,
    });
  }

  #fail(error: Error): void {
    this.#waiting?.reject(error);
    this.#waiting = null;
  }
}

/** Connections to one port, as many as there are calls at a time. */
export class ConnectionPool {
  readonly #port: number;
  #free: HttpConnection[] = [];
  readonly #all = new Set<HttpConnection>();
  #closed = false;

  constructor(port: number) {
    this.#port = port;
  }

  /** Opens what is missing until `count` are free, so that no call of a burst has to connect first. */
  async open(count: number): Promise<void> {
    this.#free = this.#free.filter((connection) => connection.usable || this.#drop(connection));
    const missing = Math.max(0, count - this.#free.length);
    this.#free.push(...(await Promise.all(Array.from({ length: missing }, () => this.#connect()))));
  }

  async call(request: Buffer): Promise<Answer> {
    const connection = this.#take() ?? (await this.#connect());
    try {
      const answer = await connection.call(request);
      this.#free.push(connection);
      return answer;
    } catch (error) {
      this.#drop(connection);
      throw error;
    }
  }

  /** Calls under way are rejected, and later ones. */
  close(): void {
    this.#closed = true;
    for (const connection of this.#all) connection.close();
    this.#all.clear();
    this.#free = [];
  }

  #take(): HttpConnection | undefined {
    for (;;) {
      const connection = this.#free.pop();
      if (connection === undefined || connection.usable) return connection;
      this.#drop(connection);
    }
  }

  async #connect(): Promise<HttpConnection> {
    if (this.#closed) throw new Error('the connections are closed');
    const connection = await HttpConnection.open(this.#port);
    this.#all.add(connection);
    if (this.#closed) connection.close();
    return connection;
  }

  #drop(connection: HttpConnection): false {
    connection.close();
    this.#all.delete(connection);
    return false;
  }
}
