/** Owns the time limit of one call to the daemon. */
import { DriverError } from '../../driver.js';

/** A timer later than this means that our own event loop was blocked; the daemon then gets as much time again. */
const lateMs = 250;

/**
 * Resolves with the result of `operation`; after `limitMs` rejects with `DriverError` and aborts the signal. The signal alone
 * is not enough: when the daemon dies in the middle of an answer, docker-modem never calls back (it listens to neither `aborted`
 * nor `close` of the response).
 * @param what the task of Docker for the sentence, e.g. `create a container`
 */
export function withinLimit<T>(
  what: string,
  limitMs: number,
  operation: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = new AbortController();
    const dueAt = performance.now() + limitMs;
    const expire = (): void => {
      // A timer this late means that our own event loop was blocked: the daemon's answer may not have been read yet.
      if (performance.now() > dueAt + lateMs) {
        timer = setTimeout(giveUp, lateMs);
      } else {
        setImmediate(giveUp); // timers run before sockets are read
      }
    };
    const giveUp = (): void => {
      reject(new DriverError('unavailable', `Docker did not ${what} within ${limitMs / 1000} s.`));
      abort.abort();
    };
    let timer = setTimeout(expire, limitMs);
    operation(abort.signal)
      .then(resolve, reject)
      .finally(() => clearTimeout(timer));
  });
}
