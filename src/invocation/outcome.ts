/** Owns what the end of a call means: for the caller an error of the table, for the record an outcome. */
import { GlambdarError } from '../errors.js';
import { InstanceFailure } from '../instance/instance-failure.js';
import { LoadFailure, type ErrorMessage, type ExitState, type SerializedError } from '../pool/act/lease.js';
import type { Outcome } from '../model/call.js';

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

/** What the worker says of a call that did not succeed. */
export function failureOf({ kind, error }: ErrorMessage): Failure {
  switch (kind) {
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

/** A worker that went away, or never came to a call. */
export function failureOfError(error: unknown, memoryMb: number, stderr: string): Failure {
  if (error instanceof GlambdarError)
    return { error, outcome: error.code === 'INVOCATION_TIMEOUT' ? 'timeout' : 'platform_error' };
  if (error instanceof LoadFailure)
    return { error: loadFailed(error.error, 500), outcome: 'function_error', stack: error.error.stack };
  if (error instanceof InstanceFailure) return crash(error, memoryMb, stderr);
  return {
    error: new GlambdarError('INTERNAL', 'The server failed to run this call; its log has the reason.', {
      cause: error,
    }),
    outcome: 'platform_error',
  };
}

/** Its deadline passed. */
export function timedOut(timeoutMs: number): GlambdarError {
  return new GlambdarError(
    'INVOCATION_TIMEOUT',
    `The function did not answer within its timeoutMs of ${timeoutMs} ms and was ended.`,
  );
}

/** It was ended before its answer: its caller went away, or, if the signal's reason says so, the server stops. */
export function aborted({ reason }: AbortSignal): Failure {
  if (reason instanceof GlambdarError) return { error: reason, outcome: 'platform_error' };
  return {
    error: new GlambdarError('CANCELLED', 'The caller went away before the answer.'),
    outcome: 'cancelled',
  };
}

/**
 * The user's module did not load. The details have relative paths of the bundle only.
 * @param status 422 for its author, who gets the stack too; anything else for a caller
 */
export function loadFailed(error: SerializedError, status: number): GlambdarError {
  const place =
    error.file === undefined ? '' : ` (${error.file}${error.line === undefined ? '' : `:${error.line}`})`;
  // Node goes on with who required whom; the stack has that.
  const message = error.message.split('\n', 1)[0];
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

/** @param stderr what the container wrote past the console: V8 says there that its heap is full */
export function isOutOfMemory(exit: ExitState | undefined, stderr: string): boolean {
  if (!exit) return false;
  return exit.oomKilled || (exit.exitCode === 134 && /heap out of memory|Allocation failed/.test(stderr));
}

/** "exit code 3", "SIGSEGV". 128+n is how a shell, and the container's init, tell signal n. */
export function describeExit(exit: ExitState | undefined): string {
  const code = exit?.exitCode;
  if (code === undefined || code === null) return 'it broke off its connection';
  const signal = code > 128 ? (SIGNALS[code - 128] ?? `signal ${code - 128}`) : undefined;
  return signal ? `it was ended by ${signal}` : `it ended with exit code ${code}`;
}

function crash(failure: InstanceFailure, memoryMb: number, stderr: string): Failure {
  if (isOutOfMemory(failure.exit, stderr)) {
    return {
      error: new GlambdarError(
        'OUT_OF_MEMORY',
        `The function needed more than its limit of ${memoryMb} MB and was ended at that peak; raise memoryMb or use less.`,
        { details: { limitMb: memoryMb, peakMb: memoryMb } },
      ),
      outcome: 'oom',
    };
  }
  const how = failure.exit ? describeExit(failure.exit) : failure.message;
  return {
    error: new GlambdarError('INSTANCE_CRASHED', `The function's process ended before it answered: ${how}.`, {
      details:
        failure.exit?.exitCode === undefined || failure.exit.exitCode === null
          ? {}
          : { exitCode: failure.exit.exitCode },
    }),
    outcome: 'crash',
  };
}
