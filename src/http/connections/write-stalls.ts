/**
 * Owns the time limit for clients that do not read their answers: a connection on which bytes wait must take some of
 * them within the limit, or it is cut. Node's own idle timer does not do that: it starts again with everything that
 * moves on a socket, bytes that the client sends included, and runs twice before it fires for a write under way.
 */
import type { Socket } from 'node:net';

/** Less than this within the limit is no progress, unless it is all that waited: a client could take a byte now and then for ever. */
const PROGRESS_BYTES = 64 * 1024;

/** What the clock measures on one connection. */
interface Wait {
  since: number;
  /** All bytes ever given to the socket, when the wait began. */
  givenBytes: number;
  /** Those of them whose write was over. */
  leftBytes: number;
  /** Those of the write under way that the kernel had not taken. */
  queuedBytes: number;
}

export interface WriteStallsOptions {
  /** The connections to watch. */
  sockets: () => Iterable<Socket>;
  limitMs: number;
  /** Monotonic milliseconds. */
  now?: () => number;
}

export class WriteStalls {
  readonly #sockets: () => Iterable<Socket>;
  readonly #limitMs: number;
  readonly #now: () => number;
  readonly #waits = new WeakMap<Socket, Wait>();

  constructor({ sockets, limitMs, now = () => performance.now() }: WriteStallsOptions) {
    this.#sockets = sockets;
    this.#limitMs = limitMs;
    this.#now = now;
  }

  /** Looks at every connection, and cuts those that have stalled. To be called several times within the limit. */
  check(): void {
    const now = this.#now();
    for (const socket of this.#sockets()) {
      if (socket.writableLength === 0) {
        this.#waits.delete(socket);
        continue;
      }
      const wait = this.#waits.get(socket);
      if (wait === undefined || hasMoved(socket, wait)) this.#waits.set(socket, waitOf(socket, now));
      else if (now - wait.since >= this.#limitMs) socket.destroy();
    }
  }
}

function waitOf(socket: Socket, now: number): Wait {
  return {
    since: now,
    givenBytes: socket.bytesWritten,
    leftBytes: leftBytesOf(socket),
    queuedBytes: queuedBytesOf(socket),
  };
}

function hasMoved(socket: Socket, { givenBytes, leftBytes, queuedBytes }: Wait): boolean {
  const left = leftBytesOf(socket);
  // Between two writes only whole ones are counted; within one, what the kernel took of it.
  const moved = left > leftBytes ? left - leftBytes : queuedBytes - queuedBytesOf(socket);
  return left >= givenBytes || moved >= PROGRESS_BYTES;
}

/** Bytes of all writes that are over. The public counts tell no more: a write under way counts as waiting until its last byte. */
function leftBytesOf(socket: Socket): number {
  return socket.bytesWritten - socket.writableLength;
}

/** What Node itself looks at for its idle timer, but does not document; without it large answers move in one step. */
function queuedBytesOf(socket: Socket): number {
  return (socket as { _handle?: { writeQueueSize?: number } | null })._handle?.writeQueueSize ?? 0;
}
