/** Owns what `http/` may ask of calls: to let one in, to run it. How a call is run is `invoker.ts`. */
import type { CallRequest, CallResponse } from '../model/call/call.js';
import type { FunctionRef } from '../model/function/ref.js';

/**
 * A call that was let in. Exactly one of `run` and `abandon` must be called, once.
 * It holds a lease on the version that was active when it was admitted.
 */
export interface AdmittedCall {
  readonly id: string;
  /**
   * Runs the call. `signal` aborts when the client has gone: the call is then cancelled.
   * Rejects with `GlambdarError` (FUNCTION_ERROR, INVOCATION_TIMEOUT, AT_CAPACITY, …); the record is kept either way.
   * @param answered called with the answer as soon as it is known, before what else there is to do for the call; whatever
   *   the caller asks next finds that done. Must not throw.
   */
  run(
    request: CallRequest,
    signal: AbortSignal,
    answered?: (response: CallResponse) => void,
  ): Promise<CallResponse>;
  /** The request never became a call (its body was too large or cut off): gives the place back, nothing is recorded. */
  abandon(): void;
}

export interface Invoker {
  /**
   * Lets a call in, before its body is read.
   * Throws `GlambdarError`: FUNCTION_NOT_FOUND, RATE_LIMITED, CONCURRENCY_LIMIT, AT_CAPACITY, DRIVER_UNAVAILABLE, STOPPING.
   * @param id the request id, which becomes the id of the invocation; a new one is made if a call with it is known
   * @param isOurId the id was made by this server, so it cannot be known. Only an id that a client chose is looked up in the
   *   store, and only then a promise is returned, which never rejects.
   */
  admit(ref: FunctionRef, id: string, isOurId?: boolean): AdmittedCall | Promise<AdmittedCall>;
}
