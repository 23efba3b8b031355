/**
 * Owns the shapes with which an admitted call meets an executor: what the executor is given, what it gives back, and how it
 * fails. Who runs calls (the pool of workers, later images or other nodes) is wired in `roles/`.
 */
import type { GlambdarError } from '../../errors.js';
import type { ContainerOutput, ExitState } from './container-end.js';
import type { CallRecord, CallRequest } from './call.js';
import type { FunctionRecord } from '../function/function.js';

/** Receives console output of a call while it runs. */
export type LogSink = (stream: 'stdout' | 'stderr', text: Buffer) => void;

/** How a call found its instance, and where its time went, in fractional milliseconds. */
export type CallTrace = Pick<CallRecord, 'start' | 'queueMs' | 'startMs' | 'loadMs' | 'runMs'>;

/** An error of user code as plain, bounded data. `file` is relative to the function's folder. */
export interface SerializedError {
  name: string;
  message: string;
  stack: string;
  file?: string;
  line?: number;
}

/** An admitted call, as an executor gets it. */
export interface ExecutorCall {
  invocationId: string;
  /** The function, its settings, and the version the call was admitted for. */
  record: FunctionRecord;
  request: CallRequest;
  /** Aborts when the caller has gone; with a `GlambdarError` as reason when no time is left for a grace. */
  signal: AbortSignal;
  sink: LogSink;
  /** The executor fills it in as things happen, also for calls that fail. */
  trace: CallTrace;
}

/** Why a function's answer is none: its own error, something that is no answer, too large, never settling, an uncaught error. */
export type FunctionFailureKind =
  'function' | 'bad-response' | 'response-too-large' | 'unsettled' | 'uncaught';

export type CallResult =
  | { type: 'response'; statusCode: number; headers: [name: string, value: string][]; body: Buffer }
  | { type: 'error'; kind: FunctionFailureKind; error: SerializedError };

/** A call whose function has answered, or failed in an orderly way. */
export interface Execution {
  readonly result: CallResult;
  /** Bytes of console output beyond what was sent. */
  readonly cut: { stdout: number; stderr: number };
  readonly peakMemoryKb: number;
  /**
   * Gives back what the call used. To be called exactly once, after the caller has the answer. Resolves with what the
   * container wrote past the console; null when nothing is to come.
   */
  release(): Promise<ContainerOutput> | null;
}

/** Why a call has no answer. */
export type FailureReason =
  /** Not let in, or ended by the server: no capacity, no driver, stopping, code that is not there. */
  | { type: 'refused'; error: GlambdarError }
  /** The caller has gone, and the grace is over. */
  | { type: 'cancelled' }
  | { type: 'load-failed'; error: SerializedError }
  /** The modules were not loaded within the limit. */
  | { type: 'load-timeout'; timeoutMs: number }
  /** The function did not answer within its `timeoutMs`. */
  | { type: 'timeout' }
  /** The container ended, or its worker broke off. `stderr`: what the container wrote past the console. */
  | { type: 'ended'; message: string; exit: ExitState | undefined; stderr: string }
  /** A fault of the platform that has no name. */
  | { type: 'unknown'; cause: unknown };

/** What `Executor.execute` rejects with. What the call used is given back already. */
export class ExecutionFailure extends Error {
  readonly reason: FailureReason;
  /** Resolves with what the container wrote past the console; null when nothing is to come. */
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
