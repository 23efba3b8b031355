/** Owns knowing that the client of a request has gone before it had its answer. */
import { setMaxListeners } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/** Made with a connection's first call and used by all of them: whoever leaves, leaves with the connection. */
const controllerOf = Symbol('client gone');
type Watched = Socket & { [controllerOf]?: AbortController };

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
