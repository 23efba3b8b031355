/**
 * Owns connections as long as all that comes on them are simple calls, one after the other. With the first bytes that
 * are anything else a connection is handed to Node's HTTP server, which then reads those bytes as if they had just come,
 * and keeps it.
 */
import type { Socket } from 'node:net';
import type { Logger } from '../logger.js';
import { LaneConnection } from './lane-connection.js';
import type { ServeSimpleCall } from './simple-call-server.js';

/** What the app gives for it. */
export interface LaneServices {
  serve: ServeSimpleCall;
  /** Aborts when the server stops: what comes from then on is Node's. */
  stopping: AbortSignal;
  /** The largest body of a call. */
  maxBodyBytes: number;
  logger: Logger;
}

export interface CallLaneOptions extends LaneServices {
  /** How long a connection may wait for its next request. */
  keepAliveTimeoutMs: number;
  /** How often that is looked at; and how long what is not whole is waited for here. */
  checkIntervalMs: number;
  /** How long a client may take nothing of an answer. */
  writeStallMs: number;
  /** Takes a connection over. */
  toNode: (socket: Socket) => void;
}

export class CallLane {
  readonly #options: CallLaneOptions;
  readonly #connections = new Set<LaneConnection>();
  #timer: NodeJS.Timeout | null = null;
  #running = 0;
  #waiters: (() => void)[] = [];

  constructor(options: CallLaneOptions) {
    this.#options = options;
    const stop = (): void => [...this.#connections].forEach((connection) => connection.stop());
    options.stopping.addEventListener('abort', stop, { once: true });
  }

  /** Takes a new connection. */
  accept(socket: Socket): void {
    const { checkIntervalMs } = this.#options;
    const connection = new LaneConnection(socket, this.#options, {
      began: () => void (this.#running += 1),
      ended: () => this.#ended(),
      left: () => void this.#connections.delete(connection),
    });
    this.#connections.add(connection);
    this.#timer ??= setInterval(() => this.#look(), checkIntervalMs).unref();
  }

  /** Resolves when no call is being served. */
  async idle(): Promise<void> {
    if (this.#running > 0) await new Promise<void>((resolve) => this.#waiters.push(resolve));
  }

  /** Rejects the calls being served. */
  reject(reason: Error): void {
    for (const connection of [...this.#connections]) connection.reject(reason);
  }

  /** Ends every connection, and the watching of them. */
  closeAll(): void {
    if (this.#timer) clearInterval(this.#timer);
    this.#timer = null;
    for (const connection of [...this.#connections]) connection.cut();
  }

  #ended(): void {
    this.#running -= 1;
    if (this.#running === 0) for (const resolve of this.#waiters.splice(0)) resolve();
  }

  #look(): void {
    const now = performance.now();
    for (const connection of [...this.#connections]) connection.look(now);
  }
}
