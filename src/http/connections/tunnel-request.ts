/**
 * Owns requests for which Node lets go of the connection (`CONNECT`): the app answers them like any other request, and
 * the connection ends with the answer.
 */
import { ServerResponse, type IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { lingeringEnd } from './lingering-end.js';

/** A response to the request on its own connection. Bytes that the client sends through the tunnel are dropped. */
export function tunnelResponse(req: IncomingMessage, socket: Socket): ServerResponse {
  const res = new ServerResponse(req);
  res.shouldKeepAlive = false;
  // Node has taken its own listeners away.
  socket.on('error', () => socket.destroy());
  socket.resume();
  res.assignSocket(socket);
  res.on('finish', () => {
    res.detachSocket(socket);
    lingeringEnd(socket);
    res.emit('close');
  });
  return res;
}
