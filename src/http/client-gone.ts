/** Owns knowing that a call is to end before it has its answer: its client has gone, or the server stops. */
import { setMaxListeners } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/** Made with a connection's first call and used by all of them: whoever leaves, leaves with the connection. */
const controllerOf = Symbol('client gone');
type Watched = Socket & { [controllerOf]?: AbortController };

/** Aborts the calls of a connection that stays open: they are answered with the reason. */
export function rejectCalls(socket: Socket, reason: Error): void {
  (socket as Watched)[controllerOf]?.abort(reason);
}

/** Aborts when the connection is closed before this answer is out. */
export function clientGone({ socket }: IncomingMessage, res: ServerResponse): AbortSignal {
  const watched = socket as Watched;
  let controller = watched[controllerOf];
  if (controller === undefined || controller.signal.aborted) {
    controller = watched[controllerOf] = new AbortController();
    // Pipelined calls listen at the same time.
    setMaxListeners(0, controller.signal);
  }
  const mine = controller;
  res.on('close', () => {
    if (!res.writableFinished) mine.abort();
  });
  return mine.signal;
}
