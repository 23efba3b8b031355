/** Owns the translation of errors between this program and the daemon into `DriverError` and a sentence for the operator. */
import { DriverError, ProgramError } from '../../driver.js';

/** An error of dockerode: `statusCode` when Docker answered, `code` when it did not. */
export interface DockerFailure {
  statusCode?: number;
  code?: string;
  message: string;
}

/** Characters of an answer that are shown; the longest sentences of Docker and runc have about 300. */
const MAX_TEXT = 1_000;

const absent: Record<string, string> = {
  ENOENT: 'Docker is not running or its socket is missing; start Docker, or set DOCKER_HOST.',
  ENOTDIR: 'The socket of Docker is missing; start Docker, or correct DOCKER_HOST.',
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

/** How Docker and its runtimes say that the program of a container cannot be run. */
const PROGRAM =
  /no command specified|unable to start container process: exec:|starting container process caused: exec:|executable file not found|error executing/i;

/** The status Docker answered with; undefined when it did not answer. */
export function statusOf(error: unknown): number | undefined {
  if (error instanceof DriverError) return statusOf(error.cause);
  return (error as DockerFailure | undefined)?.statusCode;
}

/** `unavailable` when the daemon is away, else `failed` with the daemon's sentence. The original error stays as cause. */
export function toDriverError(error: unknown, what: string): DriverError {
  if (error instanceof DriverError) return error;
  const { code, statusCode } = error as DockerFailure;
  // Bytes that are no HTTP, and a redirect.
  if (code?.startsWith('HPE_') || /^Max redirects/.test((error as Error).message)) return notDocker(error);
  const away = statusCode === undefined && code !== undefined ? absent[code] : undefined;
  if (away !== undefined) return new DriverError('unavailable', away, { cause: error });
  const message = `Docker failed to ${what}: ${dockerText(error)}`;
  if (statusCode !== undefined && PROGRAM.test(message)) return new ProgramError(message, { cause: error });
  return new DriverError('failed', message, { cause: error });
}

/** For answers that no Docker daemon gives. */
export function notDocker(cause?: unknown): DriverError {
  return new DriverError(
    'failed',
    'Something else than Docker answers in its place; correct DOCKER_HOST, or start Docker.',
    { cause },
  );
}

/** Docker's own sentence without the client library's wrapping; in one line, because it may be anybody's page of HTML. */
export function dockerText(error: unknown): string {
  const { message } = error as DockerFailure;
  const text = message.replace(/^\(HTTP code \d+\)[^-]*- /, '');
  return text.replaceAll(/\s+/g, ' ').trim().slice(0, MAX_TEXT);
}
