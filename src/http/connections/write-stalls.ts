/**
 * Owns the time limit for clients that do not read their answers: a client must read some of the waiting bytes within
 * the limit, or its connection is cut. Node's own idle timer does not do this: it starts again with all bytes that move
 * on a socket, those that the client sends included, and runs twice before it fires for a write under way.
 */
import type { Socket } from 'node:net';

/** Fewer bytes within the limit are no progress, unless no more waited: a client could read a byte now and then for ever. */
const PROGRESS_BYTES = 64 * 1024;

/** The state of one connection when its present wait began. */
interface Wait {
  since: number;
  /** All bytes given to the socket by then. */
  givenBytes: number;
  /** Bytes of all writes that were over by then. */
  leftBytes: number;
  /** Bytes of the write under way that the kernel had not taken by then. */
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
  // When a write has ended since, whole writes are counted; else the bytes that the kernel took of the write under way.
  const moved = left > leftBytes ? left - leftBytes : queuedBytes - queuedBytesOf(socket);
  return left >= givenBytes || moved >= PROGRESS_BYTES;
}

/** Bytes of all writes that are over. Node's public counts tell no more: all bytes of a write under way count as waiting. */
function leftBytesOf(socket: Socket): number {
  return socket.bytesWritten - socket.writableLength;
}

/**
 * Bytes of the write under way that the kernel has not taken, from an undocumented field that Node uses for its idle timer.
 * Without it a large answer would seem to move in one step.
 */
function queuedBytesOf(socket: Socket): number {
  return (socket as { _handle?: { writeQueueSize?: number } | null })._handle?.writeQueueSize ?? 0;
}
