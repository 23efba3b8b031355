/** Owns aborting the calls of a connection before they are answered: because the client has gone, or because the server stops. */
import { setMaxListeners } from 'node:events';
import type { Socket } from 'node:net';
import { GlambdarError } from '../../errors.js';

/** Key of the controller that all calls of a connection share, made with the first call: a client that leaves, leaves all of them. */
const controllerOf = Symbol('client gone');
type Watched = Socket & { [controllerOf]?: AbortController };

/** Aborts the calls of a connection that stays open, so that they are answered with the reason. */
export function rejectCalls(socket: Socket, reason: Error): void {
  (socket as Watched)[controllerOf]?.abort(reason);
}

/** The signal that aborts when the connection closes, or when `rejectCalls` is called; meaningless to a call already answered. */
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

/**
 * Waits for work that nothing ends, such as the pull of an image, only as long as its client is there and the server does not stop. Rejects
 * with the error of `rejectCalls`, or CANCELLED; the work goes on then, and how it ends is of no interest.
 */
export async function whileClientWaits<T>(socket: Socket, work: Promise<T>): Promise<T> {
  const signal = clientGone(socket);
  let leave = (): void => undefined;
  const left = new Promise<never>((_, reject) => {
    leave = () => reject(reasonOf(signal));
    signal.addEventListener('abort', leave, { once: true });
  });
  if (signal.aborted) leave();
  try {
    return await Promise.race([work, left]);
  } finally {
    signal.removeEventListener('abort', leave);
  }
}

function reasonOf({ reason }: AbortSignal): GlambdarError {
  if (reason instanceof GlambdarError) return reason;
  return new GlambdarError('CANCELLED', 'The client went away.', { cause: reason });
}
