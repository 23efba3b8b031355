/** Owns refusing requests that begin after the server was told to stop. */
import { GlambdarError } from '../../errors.js';
import type { Check } from './checks.js';

/** @param signal aborts when the server stops */
export function refuseWhenStopping(signal: AbortSignal): Check {
  return (_req, res) => {
    if (!signal.aborted) return;
    res.setHeader('Connection', 'close');
    throw stopping();
  };
}

/** The error for a request that has not begun to run: its client may send it again, here or elsewhere. */
export function stopping(): GlambdarError {
  return new GlambdarError('STOPPING', 'The server is stopping; try again in a moment.', {
    retryAfterSeconds: 1,
  });
}
