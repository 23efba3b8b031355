/** Owns a client that writes bytes by hand and reads one answer after the other from one connection. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

export interface RawResponse {
  status: number;
  headers: Record<string, string>;
  head: string;
  body: string;
}

export class RawClient {
  readonly socket: Socket;
  readonly closed: Promise<unknown>;
  /** Codes of what went wrong, e.g. a reset by the server. */
  readonly errors: (string | undefined)[] = [];
  #received = Buffer.alloc(0);
  #ended = false;

  private constructor(socket: Socket) {
    this.socket = socket;
    this.closed = new Promise((resolve) => socket.once('close', resolve));
    socket.on('error', ({ code }: NodeJS.ErrnoException) => this.errors.push(code));
    socket.on('end', () => (this.#ended = true));
    socket.on('close', () => (this.#ended = true));
    socket.on('data', (chunk: Buffer) => (this.#received = Buffer.concat([this.#received, chunk])));
  }

  static async connect(port: number): Promise<RawClient> {
    const socket = connect(port, '127.0.0.1');
    await once(socket, 'connect');
    return new RawClient(socket);
  }

  send(bytes: string | Buffer): this {
    this.socket.write(bytes);
    return this;
  }

  /** The next whole answer, 1xx included. Rejects when the connection ends before. */
  async response(options: { head?: boolean } = {}): Promise<RawResponse> {
    const end = await this.#until(() => find(this.#received, '\r\n\r\n'));
    const head = this.#take(end + 4).toString('latin1');
    const [statusLine = '', ...lines] = head.trimEnd().split('\r\n');
    const headers: Record<string, string> = {};
    for (const line of lines) {
      const colon = line.indexOf(':');
      const name = line.slice(0, colon).toLowerCase();
      const value = line.slice(colon + 1).trim();
      headers[name] = name in headers ? `${headers[name]}, ${value}` : value;
    }
    const status = Number(statusLine.split(' ')[1]);
    const bodiless = options.head === true || status < 200 || status === 204 || status === 304;
    const length = bodiless ? 0 : Number(headers['content-length'] ?? 0);
    await this.#until(() => (this.#received.length >= length ? length : undefined));
    return { status, headers, head, body: this.#take(length).toString() };
  }

  /** Everything received up to and including `text`. */
  async text(text: string): Promise<string> {
    const at = await this.#until(() => find(this.#received, text));
    return this.#take(at + text.length).toString();
  }

  async #until(ready: () => number | undefined): Promise<number> {
    for (;;) {
      const at = ready();
      if (at !== undefined) return at;
      if (this.#ended)
        throw new Error(`connection ended after ${JSON.stringify(this.#received.toString().slice(0, 300))}`);
      await new Promise<void>((resolve) => {
        const wake = (): void => {
          this.socket.off('data', wake).off('close', wake).off('end', wake);
          resolve();
        };
        this.socket.on('data', wake).on('close', wake).on('end', wake);
      });
    }
  }

  #take(length: number): Buffer {
    const taken = this.#received.subarray(0, length);
    this.#received = this.#received.subarray(length);
    return taken;
  }
}

function find(bytes: Buffer, text: string): number | undefined {
  const at = bytes.indexOf(text);
  return at === -1 ? undefined : at;
}
