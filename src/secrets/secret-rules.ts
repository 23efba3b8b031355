/** Owns which names and values a secret may have (docs/functions.md "Secrets"). */
import { GlambdarError } from '../errors.js';
import { printable } from '../model/printable.js';

/** Secrets of one function. */
export const MAX_SECRETS = 64;
/** Bytes of one value as UTF-8, and of all values of a function. */
export const MAX_VALUE_BYTES = 16 * 1024;
export const MAX_TOTAL_BYTES = 64 * 1024;

/** As names of `env`. */
const NAME = /^[A-Za-z_][A-Za-z0-9_]{0,127}$/;
/** The worker's own variables. */
const RESERVED_PREFIX = 'GLAMBDAR_';
/** Variables that the worker, Node or the program loader act on: they are settings of the process, not values for the code. */
const RESERVED: readonly string[] = [
  'HOME',
  'TMPDIR',
  'PATH',
  'LD_PRELOAD',
  'LD_LIBRARY_PATH',
  'SSL_CERT_FILE',
  'NODE_COMPILE_CACHE',
  'NODE_DEBUG',
  'NODE_DEBUG_NATIVE',
  'NODE_ENV',
  'NODE_EXTRA_CA_CERTS',
  'NODE_NO_WARNINGS',
  'NODE_OPTIONS',
  'NODE_PATH',
  'NODE_PENDING_DEPRECATION',
  'NODE_TLS_REJECT_UNAUTHORIZED',
  'NODE_USE_ENV_PROXY',
  'NODE_V8_COVERAGE',
];

/** Whether a secret can have the name: others are found nowhere. */
export function isSecretName(name: string): boolean {
  return NAME.test(name);
}

/** Throws INVALID_REQUEST for a name that a new secret may not have. */
export function assertSecretName(name: string): void {
  if (!isSecretName(name)) {
    // Behind the first sign of equality, in a name that somebody wrote as `NAME=value`, stands the value.
    const [shown = '', ...others] = name.split('=', 2);
    throw new GlambdarError(
      'INVALID_REQUEST',
      `The name of a secret is 1 to 128 letters, digits and _ and does not begin with a digit, not ${printable(shown)}${
        others.length > 0 ? ' and more behind a "="; the value goes into the body' : ''
      }.`,
    );
  }
  if (RESERVED.includes(name) || name.startsWith(RESERVED_PREFIX))
    throw new GlambdarError(
      'INVALID_REQUEST',
      `${name} cannot be a secret: the worker and Node act on it. Choose another name, or set it in "env" if it is no secret.`,
    );
}

/** Throws INVALID_REQUEST. Never says anything of the value but its length. */
export function assertSecretValue(value: string): void {
  const bytes = Buffer.byteLength(value);
  if (bytes === 0 || bytes > MAX_VALUE_BYTES)
    throw new GlambdarError(
      'INVALID_REQUEST',
      `The value of a secret has 1 to ${MAX_VALUE_BYTES} bytes, not ${bytes}.`,
    );
  if (value.includes('\0') || Buffer.from(value).toString() !== value)
    throw new GlambdarError('INVALID_REQUEST', 'The value of a secret is text without NUL.');
}

/**
 * Throws INVALID_REQUEST when a function would have too many secrets, or too many bytes of them.
 * @param others lengths of the values of the function's other secrets, in bytes
 */
export function assertRoomForSecret(others: readonly number[], value: string): void {
  if (others.length >= MAX_SECRETS)
    throw new GlambdarError(
      'INVALID_REQUEST',
      `A function has at most ${MAX_SECRETS} secrets, and this one has ${others.length}; delete one first.`,
    );
  const bytes = others.reduce((sum, length) => sum + length, Buffer.byteLength(value));
  if (bytes > MAX_TOTAL_BYTES)
    throw new GlambdarError(
      'INVALID_REQUEST',
      `The secrets of a function have at most ${MAX_TOTAL_BYTES} bytes together; with this one they would have ${bytes}.`,
    );
}
