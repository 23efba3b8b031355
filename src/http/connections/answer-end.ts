/**
 * Owns telling when an answer is over: it has left, or its connection is gone. Each response has one listener for all who want
 * to know: three of them cost a call as much as Koa does.
 */
import type { ServerResponse } from 'node:http';

/** Key of the callbacks on the response itself: an entry in a WeakMap would cost more than a listener. */
const callbacks = Symbol('callbacks at the end of the answer');
type Watched = ServerResponse & { [callbacks]?: (() => void)[] };

/** Calls back once, when the answer, which is not over yet, is over. */
export function onAnswerEnd(res: ServerResponse, callback: () => void): void {
  const watched = res as Watched;
  const known = watched[callbacks];
  if (known !== undefined) {
    known.push(callback);
    return;
  }
  const waiting = (watched[callbacks] = [callback]);
  // Not `once`, which costs more than all else here. The event may come twice: see `Connections`.
  res.on('close', () => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) next();
  });
}
