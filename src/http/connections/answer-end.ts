/**
 * Owns telling when an answer is over: it has left, or its connection is gone. Each response has one listener for all who want
 * to know, because every listener costs each call.
 */
import type { ServerResponse } from 'node:http';

/** Key of the callbacks on the response itself, where they are found faster than in a WeakMap. */
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
  // Not `once`, which makes a further function for each call. The event may come twice: see `Connections`.
  res.on('close', () => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) next();
  });
}
