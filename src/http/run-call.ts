/** Owns one call between its head and its answer, whatever read the one and writes the other. Bodies are passed on as bytes. */
import type { InvocationResponse, Invoker } from '../invocation/invocation.js';
import { DEFAULT_NAMESPACE } from '../model/ref.js';
import type { BodyBudget } from './body-budget.js';
import { splitTarget } from './call-target.js';
import { functionNameParam } from './function-name-param.js';
import type { RequestHead } from './middleware/checks.js';
import { RefusalPace } from './refusal-pace.js';
import { functionHeaders } from './request-headers.js';

/** What the function gets of a request's head. */
export interface CallHead {
  flow: string;
  /** Functions need not know HEAD: it is GET, and the body of the answer is left away. */
  method: string;
  path: string;
  query: string;
  headers: [name: string, value: string][];
}

export interface CallIds {
  requestId: string;
  /** The request's id was made by this server. */
  isOurs: boolean;
  /** Set when the call is let in. It differs from the request's when the client used that one before. */
  invocationId: string | null;
}

export interface CallParts {
  /** To be called when the call is let in: one that is not must not send its body first. */
  body: (flow: string) => Buffer | Promise<Buffer>;
  /** Aborts when the client has gone. */
  gone: AbortSignal;
  /** Writes the answer. What it throws is thrown by the call, whose record is not changed by it. */
  answer: (response: InvocationResponse) => void;
}

/** Runs a call and answers it. Rejects with what is to be answered instead. */
export type RunCall = (head: CallHead, ids: CallIds, parts: CallParts) => Promise<void>;

/** Throws FUNCTION_NOT_FOUND for a name that no function can have. */
export function callHead(
  { method = '', url = '', rawHeaders }: Pick<RequestHead, 'method' | 'url' | 'rawHeaders'>,
  connection: string | undefined,
): CallHead {
  const { name, path, query } = splitTarget(url);
  return {
    flow: functionNameParam(name),
    method: method === 'HEAD' ? 'GET' : method,
    path,
    query,
    headers: functionHeaders(rawHeaders, connection),
  };
}

/** @param bodies what `CallParts.body` gives has been taken from it, and is given back when the call is over */
export function createRunCall({ invoker, bodies }: { invoker: Invoker; bodies: BodyBudget }): RunCall {
  const pace = new RefusalPace();
  return async ({ flow, method, path, query, headers }, ids, { body: bodyOf, gone, answer }) => {
    let bodyBytes = 0;
    try {
      const ref = { namespace: DEFAULT_NAMESPACE, name: flow };
      const admitted = invoker.admit(ref, ids.requestId, ids.isOurs);
      const admission = admitted instanceof Promise ? await admitted : admitted;
      ids.invocationId = admission.id;
      let body: Buffer;
      try {
        body = await bodyOf(flow);
        bodyBytes = body.length;
        gone.throwIfAborted();
      } catch (error) {
        admission.abandon();
        ids.invocationId = null; // there will be no record of it
        throw error;
      }
      let failure: { error: unknown } | undefined;
      await admission.run({ method, path, query, headers, body }, gone, (response) => {
        try {
          answer(response);
        } catch (error) {
          failure = { error };
        }
      });
      if (failure) throw failure.error;
    } catch (error) {
      await pace.hold(error);
      throw error;
    } finally {
      bodies.give(bodyBytes, flow);
    }
  };
}
