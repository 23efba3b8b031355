/** Owns refusing requests that begin after the server was told to stop. */
import { GlambdarError } from '../../errors.js';
import type { Check } from './checks.js';

export function refuseWhenStopping(stopping: AbortSignal): Check {
  return (_req, res) => {
    if (!stopping.aborted) return;
    res.setHeader('Connection', 'close');
    throw new GlambdarError('STOPPING', 'The server is stopping; try again in a moment.', {
      retryAfterSeconds: 1,
    });
  };
}
