/** Owns the time limit of one call to the daemon. */
import { deadline, systemClock } from '../../../clock.js';
import { DriverError } from '../../driver.js';

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
    const cancel = deadline(systemClock, limitMs, () => {
      reject(new DriverError('unavailable', `Docker did not ${what} within ${limitMs / 1000} s.`));
      abort.abort();
    });
    operation(abort.signal).then(resolve, reject).finally(cancel);
  });
}
