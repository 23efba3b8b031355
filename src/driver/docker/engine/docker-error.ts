/** Owns the translation of what goes wrong between us and the daemon into `DriverError` and a sentence for the operator. */
import { DriverError } from '../../driver.js';

/** What Docker answered, when it answered. */
export interface DockerFailure {
  statusCode?: number;
  code?: string;
  message: string;
}

const absent: Record<string, string> = {
  ENOENT: 'Docker is not running or its socket is missing; start Docker, or set DOCKER_HOST.',
  ECONNREFUSED: 'Docker is not running: nothing listens on its socket; start Docker, or set DOCKER_HOST.',
  EACCES:
    'Permission to use Docker is denied; add this user to the docker group (then log in again) or use sudo.',
  EPERM:
    'Permission to use Docker is denied; add this user to the docker group (then log in again) or use sudo.',
  ECONNRESET: 'Docker closed the connection; it may be restarting.',
  EPIPE: 'Docker closed the connection; it may be restarting.',
  ETIMEDOUT: 'Docker cannot be reached; check DOCKER_HOST.',
  EHOSTUNREACH: 'Docker cannot be reached; check DOCKER_HOST.',
  ENOTFOUND: 'The host of DOCKER_HOST is unknown.',
};

/** The status Docker answered with; undefined when it did not answer. */
export function statusOf(error: unknown): number | undefined {
  if (error instanceof DriverError) return statusOf(error.cause);
  return (error as DockerFailure | undefined)?.statusCode;
}

/** `unavailable` when the daemon is away, else `failed` with what it said. The original stays as cause. */
export function toDriverError(error: unknown, what: string): DriverError {
  if (error instanceof DriverError) return error;
  const { code, statusCode } = error as DockerFailure;
  const away = statusCode === undefined && code !== undefined ? absent[code] : undefined;
  if (away !== undefined) return new DriverError('unavailable', away, { cause: error });
  return new DriverError('failed', `Docker failed to ${what}: ${dockerText(error)}`, { cause: error });
}

/** Docker's own sentence without the client library's wrapping. */
export function dockerText(error: unknown): string {
  const { message } = error as DockerFailure;
  return message.replace(/^\(HTTP code \d+\)[^-]*- /, '').trim();
}
