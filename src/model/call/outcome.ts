/** Owns how the end of a call is reported: to the caller as an error of the table, in the record as an outcome. */
import { GlambdarError } from '../../errors.js';
import type { ExitState } from './container-end.js';
import type { CallResult, FailureReason, SerializedError } from './execution.js';
import type { Outcome } from './call.js';
import type { FunctionSettings } from '../function/settings.js';

/** A failed call: the error the client gets, the outcome and the function's stack for the record. */
export interface Failure {
  error: GlambdarError;
  outcome: Outcome;
  stack?: string;
}

const SIGNALS: Record<number, string> = {
  4: 'SIGILL',
  6: 'SIGABRT',
  7: 'SIGBUS',
  8: 'SIGFPE',
  9: 'SIGKILL',
  11: 'SIGSEGV',
  15: 'SIGTERM',
  24: 'SIGXCPU',
  31: 'SIGSYS',
};

/** The failure for an error that the worker reported. */
export function failureOfResult({ kind, error }: Extract<CallResult, { type: 'error' }>): Failure {
  switch (kind) {
    case 'invalid-body':
      return {
        error: new GlambdarError('INVALID_BODY', error.message),
        outcome: 'function_error',
        stack: error.stack,
      };
    case 'bad-response':
      return { error: new GlambdarError('BAD_RESPONSE', error.message), outcome: 'function_error' };
    case 'response-too-large':
      return { error: new GlambdarError('RESPONSE_TOO_LARGE', error.message), outcome: 'function_error' };
    case 'unsettled':
      return {
        error: new GlambdarError('FUNCTION_ERROR', `The function never answered: ${error.message}`),
        outcome: 'function_error',
      };
    case 'function':
    case 'uncaught':
      return {
        error: new GlambdarError('FUNCTION_ERROR', error.message),
        outcome: 'function_error',
        stack: error.stack,
      };
  }
}

/** The failure for a call that has no answer. */
export function failureOfReason(
  reason: FailureReason,
  { memoryMb, cpus, timeoutMs }: Pick<FunctionSettings, 'memoryMb' | 'cpus' | 'timeoutMs'>,
): Failure {
  switch (reason.type) {
    case 'refused':
      return { error: reason.error, outcome: 'platform_error' };
    case 'cancelled':
      return {
        error: new GlambdarError('CANCELLED', 'The caller went away before the answer.'),
        outcome: 'cancelled',
      };
    case 'load-failed':
      return {
        error: loadFailed(reason.error, 500),
        outcome: 'function_error',
        stack: reason.error.stack,
      };
    case 'load-timeout':
      return { error: loadTimedOut(reason.timeoutMs, cpus, 500), outcome: 'function_error' };
    case 'server-timeout':
      return { error: serverTimedOut(reason), outcome: 'timeout' };
    case 'timeout':
      return { error: timedOut(timeoutMs), outcome: 'timeout' };
    case 'ended':
      return crash(reason, memoryMb);
    case 'unknown':
      return {
        error: new GlambdarError('INTERNAL', 'The server failed to run this call; its log has the reason.', {
          cause: reason.cause,
        }),
        outcome: 'platform_error',
      };
  }
}

/** The reason of a call that was aborted before its answer: its caller went away, or, by the signal's reason, the server stops. */
export function aborted({ reason }: AbortSignal): FailureReason {
  return reason instanceof GlambdarError ? { type: 'refused', error: reason } : { type: 'cancelled' };
}

/**
 * The error for a user's module that did not load. Its details name only relative paths of the bundle.
 * @param status 422 for the function's author, who gets the stack, too; any other for a caller
 */
export function loadFailed(error: SerializedError, status: number): GlambdarError {
  const place =
    error.file === undefined ? '' : ` (${error.file}${error.line === undefined ? '' : `:${error.line}`})`;
  // Node ends "Cannot find module" with a list of the files that required the module; the stack has the list, too.
  const message = error.message.split('\nRequire stack:', 1)[0];
  const name = error.name === 'LoadError' || error.name === 'Error' ? '' : `${error.name}: `;
  return new GlambdarError('LOAD_FAILED', `The function does not load: ${name}${message}${place}`, {
    status,
    details: {
      ...(error.file === undefined ? {} : { file: error.file }),
      ...(error.line === undefined ? {} : { line: error.line }),
      ...(status !== 422 || error.name === 'LoadError' || error.stack === '' ? {} : { stack: error.stack }),
    },
  });
}

/** The error for a user's module that was not loaded within the server's limit. @param status see `loadFailed` */
export function loadTimedOut(timeoutMs: number, cpus: number, status: number): GlambdarError {
  return new GlambdarError(
    'LOAD_FAILED',
    `The function does not load: loading took longer than ${timeoutMs} ms. ` +
      'Is there an endless loop or a slow top-level await? Else put the code into one file with a bundler, or raise ' +
      `GLAMBDAR_LOAD_TIMEOUT_MS on the server. A long load may use a whole core whatever the setting cpus (${cpus}) says; ` +
      'a value above 1 helps code that loads in several threads.',
    { status },
  );
}

/** @param stderr what the container wrote past the console, where V8 reports a full heap */
export function isOutOfMemory(exit: ExitState | undefined, stderr: string): boolean {
  if (!exit) return false;
  return exit.oomKilled || (exit.exitCode === 134 && /heap out of memory|Allocation failed/.test(stderr));
}

/** Says how a container ended, e.g. "it ended with exit code 3". A shell, and the container's init, report signal n as 128+n. */
export function describeExit(exit: ExitState | undefined): string {
  const code = exit?.exitCode;
  if (code === undefined || code === null) return 'it broke off its connection';
  const signal = code > 128 ? (SIGNALS[code - 128] ?? `signal ${code - 128}`) : undefined;
  return signal ? `it was ended by ${signal}` : `it ended with exit code ${code}`;
}

/** Whether a process ended by itself, not by a signal. */
export function hasExited(exit: ExitState | undefined): boolean {
  const code = exit?.exitCode;
  return code !== undefined && code !== null && code <= 128;
}

function timedOut(timeoutMs: number): GlambdarError {
  return new GlambdarError(
    'INVOCATION_TIMEOUT',
    `The function did not answer within its timeoutMs of ${timeoutMs} ms and was ended. ` +
      'Raise timeoutMs, or look for an endless loop, or for an await that nothing ends.',
  );
}

function serverTimedOut({ port, timeoutMs }: { port: number; timeoutMs: number }): GlambdarError {
  return new GlambdarError(
    'INVOCATION_TIMEOUT',
    `The image's server accepted no connections on port ${port} within ${timeoutMs} ms; does it listen there, on all addresses ` +
      'or 127.0.0.1? Else raise cpus, or GLAMBDAR_START_TIMEOUT_MS on the server.',
  );
}

function crash(
  { message, exit, stderr }: Extract<FailureReason, { type: 'ended' }>,
  memoryMb: number,
): Failure {
  if (isOutOfMemory(exit, stderr)) {
    return {
      error: new GlambdarError(
        'OUT_OF_MEMORY',
        `The function needed more than its limit of ${memoryMb} MB and was ended at that peak; raise memoryMb or use less.`,
        { details: { limitMb: memoryMb, peakMb: memoryMb } },
      ),
      outcome: 'oom',
    };
  }
  const how = exit ? describeExit(exit) : message;
  const advice = hasExited(exit) ? ' Did it call process.exit? A function returns its answer instead.' : '';
  return {
    error: new GlambdarError(
      'INSTANCE_CRASHED',
      `The function's process ended before it answered: ${how}.${advice}`,
      {
        details: exit?.exitCode === undefined || exit.exitCode === null ? {} : { exitCode: exit.exitCode },
      },
    ),
    outcome: 'crash',
  };
}
