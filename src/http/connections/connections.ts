/** Owns knowing which requests are being received and answered on which connection; Node has no public interface for either. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { onAnswerEnd } from './answer-end.js';

/** A request that was handed to the app and is not fully answered yet. */
export interface OpenRequest {
  req: IncomingMessage;
  res: ServerResponse;
}

interface Connection {
  /** Oldest first; more than one when the client pipelines. */
  open: OpenRequest[];
  /** The newest request, whose body may still be arriving after its answer is out. */
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
      connection = { open: [], newest: req };
      this.#bySocket.set(socket, connection);
      socket.once('close', () => this.#closed(socket));
    }
    const { open } = connection;
    const request = { req, res };
    connection.newest = req;
    open.push(request);
    this.#running += 1;
    onAnswerEnd(res, () => {
      open.splice(open.indexOf(request), 1);
      this.#running -= 1;
      if (this.#running === 0) for (const resolve of this.#waiters.splice(0)) resolve();
    });
  }

  /** The sockets of open connections that have brought a request. */
  sockets(): Iterable<Socket> {
    return this.#bySocket.keys();
  }

  /** The requests being answered on this connection, oldest first. */
  on(socket: Socket): OpenRequest[] {
    return [...(this.#bySocket.get(socket)?.open ?? [])];
  }

  /** Whether the client is still sending a request, answered or not. */
  isReceiving(socket: Socket): boolean {
    return this.#bySocket.get(socket)?.newest.complete === false;
  }

  /** The requests being answered on all connections. */
  all(): OpenRequest[] {
    return [...this.#bySocket.values()].flatMap(({ open }) => open);
  }

  /** Resolves when no request is being answered. */
  async idle(): Promise<void> {
    if (this.#running > 0) await new Promise<void>((resolve) => this.#waiters.push(resolve));
  }

  /** Node emits `close` only on the response that has the socket; this emits it on those of the pipelined requests behind it. */
  #closed(socket: Socket): void {
    for (const { res } of this.on(socket)) if (!res.closed) res.emit('close');
    this.#bySocket.delete(socket);
  }
}
