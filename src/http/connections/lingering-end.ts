/**
 * Owns ending a connection whose client is still sending. Closing a socket with unread bytes makes the kernel send a
 * reset, which often destroys the answer before the client has read it; so our side is closed first, and the client's
 * bytes are read and dropped for a while.
 */
import type { Socket } from 'node:net';

const LINGER_MS = 5_000;

/** Ends our side now and the whole connection when the client is done, at the latest after five seconds. */
export function lingeringEnd(socket: Socket): void {
  socket.end();
  const timer = setTimeout(() => socket.destroy(), LINGER_MS).unref();
  socket.once('close', () => clearTimeout(timer));
}
