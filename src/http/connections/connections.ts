/** Owns knowing which requests are being received and answered on which connection; Node tells neither in public. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/** A request that was handed to the app and whose answer is not out yet. */
export interface OpenRequest {
  req: IncomingMessage;
  res: ServerResponse;
}

interface Connection {
  open: Set<OpenRequest>;
  /** The newest request, which may still be on its way in after its answer is out. */
  newest: IncomingMessage;
}

export class Connections {
  readonly #bySocket = new Map<Socket, Connection>();
  #running = 0;
  #waiters: (() => void)[] = [];

  /** To be called for every request before the app sees it. */
  began(req: IncomingMessage, res: ServerResponse): void {
    const { socket } = req;
    let connection = this.#bySocket.get(socket);
    if (connection === undefined) {
      connection = { open: new Set(), newest: req };
      this.#bySocket.set(socket, connection);
      socket.once('close', () => this.#closed(socket));
    }
    const { open } = connection;
    const request = { req, res };
    connection.newest = req;
    open.add(request);
    this.#running += 1;
    res.on('close', () => {
      if (!open.delete(request)) return;
      this.#running -= 1;
      if (this.#running === 0) for (const resolve of this.#waiters.splice(0)) resolve();
    });
  }

  /** Every connection that has brought a request and is open. */
  sockets(): Iterable<Socket> {
    return this.#bySocket.keys();
  }

  /** What is being answered on this connection, oldest first. */
  on(socket: Socket): OpenRequest[] {
    return [...(this.#bySocket.get(socket)?.open ?? [])];
  }

  /** Whether the client is still sending a request, be it answered or not. */
  isReceiving(socket: Socket): boolean {
    return this.#bySocket.get(socket)?.newest.complete === false;
  }

  /** Everything that is being answered. */
  all(): OpenRequest[] {
    return [...this.#bySocket.values()].flatMap(({ open }) => [...open]);
  }

  /** Resolves when nothing is being answered. */
  async idle(): Promise<void> {
    if (this.#running > 0) await new Promise<void>((resolve) => this.#waiters.push(resolve));
  }

  /** Node emits `close` only on the response that has the socket, not on those of pipelined requests behind it. */
  #closed(socket: Socket): void {
    for (const { res } of this.on(socket)) if (!res.closed) res.emit('close');
    this.#bySocket.delete(socket);
  }
}
