/**
 * Owns when large answers to small requests are made: one at a time on a connection, and one in a turn of the event
 * loop. Node hands over all pipelined requests of a chunk at once, even when the client reads no answers.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { GlambdarError } from '../../errors.js';

/** How many large answers one connection may wait for. A client that reads each answer before it asks again never meets this limit. */
const MAX_ON_CONNECTION = 8;

/** The large answers that a connection has requested and not received yet. */
interface Line {
  length: number;
  /** Settles when the newest answer is out, or the connection gone. */
  newest: Promise<void>;
}

export class AnswerTurns {
  readonly #lines = new WeakMap<Socket, Line>();
  #newest: Promise<unknown> = Promise.resolve();

  /**
   * Resolves when this answer may be made. Rejects with AT_CAPACITY when its connection has asked for too many, with
   * CANCELLED when the client has gone. To be called for the requests of a connection in the order they came in.
   */
  async take({ socket }: IncomingMessage, res: ServerResponse): Promise<void> {
    const line = this.#lines.get(socket) ?? { length: 0, newest: Promise.resolve() };
    if (line.length >= MAX_ON_CONNECTION)
      throw new GlambdarError(
        'AT_CAPACITY',
        `This connection waits for ${MAX_ON_CONNECTION} large answers already; read them first.`,
        { retryAfterSeconds: 1 },
      );
    const before = line.newest;
    line.length += 1;
    line.newest = new Promise((resolve) => {
      res.once('close', () => {
        line.length -= 1;
        resolve();
      });
    });
    this.#lines.set(socket, line);
    await before;
    this.#newest = this.#newest.then(() => new Promise((resolve) => setImmediate(resolve)));
    await this.#newest;
    if (socket.destroyed)
      throw new GlambdarError('CANCELLED', 'The client went away before its answer was made.');
  }
}
