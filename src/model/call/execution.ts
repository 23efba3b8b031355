/**
 * Owns the interface of executors: what an executor is given for an admitted call, what it gives back, and how it fails.
 * `roles/` decides which executor runs calls.
 */
import type { GlambdarError } from '../../errors.js';
import type { ContainerOutput, ExitState } from './container-end.js';
import type { CallRecord, CallRequest } from './call.js';
import type { FunctionRecord } from '../function/function.js';

/** Receives console output of a call while it runs. */
export type LogSink = (stream: 'stdout' | 'stderr', text: Buffer) => void;

/** How a call found its instance, and how its time was spent, in fractional milliseconds. */
export type CallTrace = Pick<CallRecord, 'start' | 'queueMs' | 'startMs' | 'loadMs' | 'runMs'>;

/** An error of user code as plain, bounded data. `file` is relative to the function's folder. */
export interface SerializedError {
  name: string;
  message: string;
  stack: string;
  file?: string;
  line?: number;
}

/** An admitted call, as it is given to an executor. */
export interface ExecutorCall {
  invocationId: string;
  /** The function, its settings, and the version the call was admitted for. */
  record: FunctionRecord;
  request: CallRequest;
  /** Aborts when the caller has gone; aborts with a `GlambdarError` when there is no time for a grace. */
  signal: AbortSignal;
  sink: LogSink;
  /** Filled in by the executor while the call proceeds, also for calls that fail. */
  trace: CallTrace;
}

/** Why a function gave no answer: it threw, its value is no answer or too large, its promise cannot settle, an uncaught error. */
export type FunctionFailureKind =
  'function' | 'invalid-body' | 'bad-response' | 'response-too-large' | 'unsettled' | 'uncaught';

export type CallResult =
  | { type: 'response'; statusCode: number; headers: [name: string, value: string][]; body: Buffer }
  | { type: 'error'; kind: FunctionFailureKind; error: SerializedError };

/** A call whose function has answered, or failed in an orderly way. */
export interface Execution {
  readonly result: CallResult;
  /** Bytes of console output that the worker did not send, because it was too much. */
  readonly cut: { stdout: number; stderr: number };
  /** Null when the peak is not known. */
  readonly peakMemoryKb: number | null;
  /**
   * Gives back the resources of the call. To be called exactly once, after the caller has the answer. Resolves with what
   * the container wrote past the console; null when there is no such output.
   */
  release(): Promise<ContainerOutput> | null;
}

/** Why a call has no answer. */
export type FailureReason =
  /** The server refused or ended the call: no capacity, no driver, stopping, code that is missing. */
  | { type: 'refused'; error: GlambdarError }
  /** The caller has gone, and the grace is over. */
  | { type: 'cancelled' }
  | { type: 'load-failed'; error: SerializedError }
  /** The function's modules were not loaded within the limit. */
  | { type: 'load-timeout'; timeoutMs: number }
  /** The HTTP server of an image did not accept connections within the limit. */
  | { type: 'server-timeout'; port: number; timeoutMs: number }
  /** The function did not answer within its `timeoutMs`. */
  | { type: 'timeout' }
  /** The container ended, or its worker broke off. `stderr`: what the container wrote past the console. */
  | { type: 'ended'; message: string; exit: ExitState | undefined; stderr: string }
  /** Any other fault of the platform. */
  | { type: 'unknown'; cause: unknown };

/** The error of `Executor.execute`. The resources of the call have been given back. */
export class ExecutionFailure extends Error {
  readonly reason: FailureReason;
  /** Resolves with what the container wrote past the console; null when there is no such output. */
  readonly output: Promise<ContainerOutput> | null;

  constructor(reason: FailureReason, output: Promise<ContainerOutput> | null = null) {
    super(reason.type, reason.type === 'unknown' ? { cause: reason.cause } : undefined);
    this.name = 'ExecutionFailure';
    this.reason = reason;
    this.output = output;
  }
}

/** Runs admitted calls of one kind of source. */
export interface Executor {
  /** Throws AT_CAPACITY, DRIVER_UNAVAILABLE or STOPPING when a call would be refused; for use before its body is read. */
  assertAdmits(record: FunctionRecord): void;
  /** Runs a call. Rejects with `ExecutionFailure`. */
  execute(call: ExecutorCall): Promise<Execution>;
}
