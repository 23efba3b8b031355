/** Owns telling the calls of a connection that they are to end before they have their answer: the client has gone, or the server stops. */
import { setMaxListeners } from 'node:events';
import type { Socket } from 'node:net';

/** Made with a connection's first call and used by all of them: a client that leaves, leaves all calls of its connection. */
const controllerOf = Symbol('client gone');
type Watched = Socket & { [controllerOf]?: AbortController };

/** Aborts the calls of a connection that stays open: they are answered with the reason. */
export function rejectCalls(socket: Socket, reason: Error): void {
  (socket as Watched)[controllerOf]?.abort(reason);
}

/** Aborts when the connection is closed; for a call that has its answer by then, that means nothing any more. */
export function clientGone(socket: Socket): AbortSignal {
  const watched = socket as Watched;
  const known = watched[controllerOf];
  if (known !== undefined && !known.signal.aborted) return known.signal;
  const controller = (watched[controllerOf] = new AbortController());
  // All pipelined calls listen at the same time.
  setMaxListeners(0, controller.signal);
  if (socket.destroyed) controller.abort();
  else socket.once('close', () => controller.abort());
  return controller.signal;
}
