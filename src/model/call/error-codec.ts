/**
 * Owns encoding errors as plain data for threads and wires: an Error object that is sent loses its class and its code.
 * The data survives structured cloning and JSON.
 */
import { inspect } from 'node:util';
import { GlambdarError, isErrorCode } from '../../errors.js';

/** How many causes of one error are kept, so that a circle of causes ends. */
const MAX_CAUSES = 8;

/** A GlambdarError as plain data. */
export interface EncodedGlambdarError {
  type: 'glambdar';
  /** An ErrorCode of the release that encoded the error. */
  code: string;
  status: number;
  message: string;
  details?: Record<string, unknown>;
  retryAfterSeconds?: number;
  cause?: EncodedError;
}

/** Any other thrown value as plain data, for the log. */
export interface EncodedFailure {
  type: 'failure';
  name: string;
  message: string;
  /** The code of an error of Node or of the system, e.g. `ENOSPC`. */
  code?: string;
  stack?: string;
  cause?: EncodedError;
}

export type EncodedError = EncodedGlambdarError | EncodedFailure;

/** Any thrown value → plain data. */
export function encodeError(error: unknown): EncodedError {
  return encode(error, MAX_CAUSES);
}

/**
 * Plain data → an error. A GlambdarError comes back with its code, status, message, details and retryAfterSeconds, unless
 * this release does not know its code; every other error comes back as an Error with its name, message, code and stack.
 */
export function decodeError(encoded: EncodedError): Error {
  const { message } = encoded;
  const options = encoded.cause === undefined ? {} : { cause: decodeError(encoded.cause) };
  if (encoded.type === 'glambdar' && isErrorCode(encoded.code)) {
    const { code, status, details, retryAfterSeconds } = encoded;
    const given = { status, ...defined({ details, retryAfterSeconds }), ...options };
    return new GlambdarError(code, message, given);
  }
  const error = new Error(message, options);
  const { code } = encoded;
  const { name, stack } = encoded.type === 'failure' ? encoded : {};
  return Object.assign(error, defined({ name, code, stack }));
}

function encode(error: unknown, causes: number): EncodedError {
  if (!(error instanceof Error)) {
    // A thrown object may have no `toString`, or a `toString` that throws.
    const text = typeof error === 'string' ? error : inspect(error);
    return { type: 'failure', name: 'Error', message: text };
  }
  const { message } = error;
  const cause = error.cause === undefined || causes === 0 ? undefined : encode(error.cause, causes - 1);
  if (error instanceof GlambdarError) {
    const { code, status, details, retryAfterSeconds } = error;
    return { type: 'glambdar', code, status, message, ...defined({ details, retryAfterSeconds, cause }) };
  }
  const { name, stack } = error;
  const { code } = error as NodeJS.ErrnoException;
  return { type: 'failure', name, message, ...defined({ code, stack, cause }) };
}

/** The fields that are not undefined: an optional field is absent where it has no value. */
function defined<T extends object>(fields: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as never;
}
