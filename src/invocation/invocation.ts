/** Owns the interface by which `http/` admits a call and runs it. `invoker.ts` implements it. */
import type { CallRequest, CallResponse } from '../model/call/call.js';
import type { FunctionRef } from '../model/function/ref.js';

/**
 * A call that was admitted. Exactly one of `run` and `abandon` must be called, once.
 * The call holds a lease on the version that was active at its admission.
 */
export interface AdmittedCall {
  readonly id: string;
  /**
   * Runs the call. `signal` aborts when the client has gone: the call is then cancelled.
   * Rejects with `GlambdarError` (FUNCTION_ERROR, INVOCATION_TIMEOUT, AT_CAPACITY, …); the record is kept either way.
   * @param answered called with the answer as soon as it is known, before the remaining work for the call, which is done
   *   in the same turn of the event loop. Must not throw.
   */
  run(
    request: CallRequest,
    signal: AbortSignal,
    answered?: (response: CallResponse) => void,
  ): Promise<CallResponse>;
  /** For a request that never became a call (its body was too large or cut off): gives the place back, records nothing. */
  abandon(): void;
}

export interface Invoker {
  /**
   * Admits a call, before its body is read.
   * Throws `GlambdarError`: FUNCTION_NOT_FOUND, RATE_LIMITED, CONCURRENCY_LIMIT, AT_CAPACITY, DRIVER_UNAVAILABLE, STOPPING.
   * @param id the request id, which becomes the id of the invocation; a new one is made if a call with it is known
   * @param isOurId this server made the id, so no call can have it. Only an id that a client chose is looked up in the
   *   store, and only then a promise is returned, which never rejects.
   */
  admit(ref: FunctionRef, id: string, isOurId?: boolean): AdmittedCall | Promise<AdmittedCall>;
}
