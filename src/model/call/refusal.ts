/** Owns the errors a caller gets when there is no container for its call: the cause, and when to try again. */
import { GlambdarError } from '../../errors.js';

export function atCapacity(retryAfterSeconds: number): GlambdarError {
  return new GlambdarError('AT_CAPACITY', 'Too many calls wait for a container already; try again later.', {
    retryAfterSeconds,
  });
}

export function waitedTooLong(queueTimeoutMs: number, retryAfterSeconds: number): GlambdarError {
  return new GlambdarError(
    'AT_CAPACITY',
    `The call waited ${queueTimeoutMs} ms for a free container; try again later.`,
    { retryAfterSeconds },
  );
}

export function driverUnavailable(): GlambdarError {
  return new GlambdarError(
    'DRIVER_UNAVAILABLE',
    'Containers cannot be started right now; /readyz says why. Try again later.',
    { retryAfterSeconds: 2 },
  );
}

export function cannotStart(cause: unknown): GlambdarError {
  return new GlambdarError(
    'DRIVER_UNAVAILABLE',
    'No container could be started for this call; the server log has the reason.',
    { cause, retryAfterSeconds: 1 },
  );
}

export function networkUnavailable(network: string, cause: unknown): GlambdarError {
  return new GlambdarError(
    'INVALID_REQUEST',
    `network "${network}" cannot be had on this server; its log has the reason.`,
    { cause },
  );
}

export function withoutImage(name: string): GlambdarError {
  return new GlambdarError(
    'CODE_UNAVAILABLE',
    `"${name}" was registered without an image; register it again with one.`,
  );
}

export function imageGone(name: string, cause: unknown): GlambdarError {
  return new GlambdarError(
    'CODE_UNAVAILABLE',
    `The image of "${name}" is not on this machine any more; pull it again, or register the function again.`,
    { cause },
  );
}

/** The error for what has not begun to run: its client may send it again, here or elsewhere. */
export function stopping(): GlambdarError {
  return new GlambdarError('STOPPING', 'The server is stopping; try again in a moment.', {
    retryAfterSeconds: 1,
  });
}
