/** Owns the shapes of one call as it passes between `http/` and the invoker; how it is run is `invoker.ts`. */
import type { CallRequest } from '../model/execution.js';
import type { StartKind } from '../model/records.js';

export type InvocationRequest = CallRequest;

/** Where the time of a call went, in fractional milliseconds. */
export interface InvocationTimes {
  queueMs: number;
  startMs: number;
  loadMs: number;
  runMs: number;
}

/** What the function answered, already checked: legal status, names and values, within the limits of `response-rules.ts`. */
export interface InvocationResponse {
  statusCode: number;
  /** Repeated names are repeated headers. Never `content-length` or hop-by-hop. */
  headers: [name: string, value: string][];
  body: Buffer;
  version: number;
  start: StartKind;
  times: InvocationTimes;
}

/**
 * A call that was let in. Exactly one of `run` and `abandon` must be called, once.
 * It holds a lease on the version that was active when it was admitted.
 */
export interface AdmittedCall {
  readonly id: string;
  readonly funcName: string;
  /**
   * Runs the call. `signal` aborts when the client has gone: the call is then cancelled.
   * Rejects with `GlambdarError` (FUNCTION_ERROR, INVOCATION_TIMEOUT, AT_CAPACITY, …); the record is kept either way.
   * @param answered called with the answer as soon as it is known, before what else there is to do for the call; whatever
   *   the caller asks next finds that done. Must not throw.
   */
  run(
    request: InvocationRequest,
    signal: AbortSignal,
    answered?: (response: InvocationResponse) => void,
  ): Promise<InvocationResponse>;
  /** The request never became a call (its body was too large or cut off): gives the place back, nothing is recorded. */
  abandon(): void;
}

export interface Invoker {
  /**
   * Lets a call in, before its body is read.
   * Throws `GlambdarError`: FUNCTION_NOT_FOUND, RATE_LIMITED, CONCURRENCY_LIMIT, AT_CAPACITY, DRIVER_UNAVAILABLE, STOPPING.
   * @param id the request id, which becomes the id of the invocation; a new one is made if a call with it is known
   * @param isOurId the id was made by this server, so it cannot be known
   */
  admit(funcName: string, id: string, isOurId?: boolean): AdmittedCall;
}
