/**
 * Owns one call of a function over HTTP, for every family: admitting it, reading its body, running and answering it.
 * The family says which function is called and builds the request's head; the body passes as bytes and is never parsed.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { GlambdarError } from '../../errors.js';
import type { Invoker } from '../../invocation/invocation.js';
import type { CallRequest, CallResponse } from '../../model/call/call.js';
import { refKey, type FunctionRef } from '../../model/function/ref.js';
import { holdUntilWritten, type BodyBudget } from '../answers/body-budget.js';
import { bodyToSend, writeFunctionResponse, type ResponseIds } from '../answers/function-response.js';
import { CALL_BODY_VARIABLE, readBody } from '../requests/request-body.js';
import { clientOf } from '../requests/client.js';
import { functionHeaders } from '../requests/request-headers.js';
import { isOwnRequestId, requestIdOf } from '../requests/request-id.js';
import { clientGone } from './client-gone.js';

/** The function to call, and the request as the function will see it. */
export interface CallHead extends Pick<CallRequest, 'method' | 'path' | 'query' | 'headers'> {
  ref: FunctionRef;
  /** The part of the path that names the function; default: none. */
  basePath?: string;
  /** The body if it has been read, and is in the budget until the call is over; else it is read when the call is admitted. */
  body?: Buffer;
}

/** The head of a call that the function sees as its client sent it. @param target where the path was split */
export function headAsSent(
  { method = '', rawHeaders, headers }: IncomingMessage,
  ref: FunctionRef,
  { basePath, path, query }: Pick<CallRequest, 'basePath' | 'path' | 'query'>,
): CallHead {
  return {
    ref,
    // Functions need not know HEAD: they get a GET, and the body of the answer is left away.
    method: method === 'HEAD' ? 'GET' : method,
    basePath,
    path,
    query,
    headers: functionHeaders(rawHeaders, headers.connection),
  };
}

/** Writes an answer. An error it throws is answered instead; the record of the call stays as it is. */
export type WriteResponse = (res: ServerResponse, response: CallResponse, ids: ResponseIds) => void;

/**
 * Runs a call and answers it; nothing is written when the client has gone meanwhile. Rejects with the error to be
 * answered, after setting `X-Invocation-Id` if there is a record of the call.
 * @param write default: status, headers and bytes as the function gave them
 */
export type RunCall = (
  req: IncomingMessage,
  res: ServerResponse,
  head: CallHead,
  write?: WriteResponse,
) => Promise<void>;

export interface RunCallDeps {
  invoker: Invoker;
  /** Holds the bytes of the request's body from their arrival until the call is over. */
  bodies: BodyBudget;
  config: { maxBodyBytes: number };
}

export function createRunCall({ invoker, bodies, config: { maxBodyBytes } }: RunCallDeps): RunCall {
  return async (req, res, head, write = writeFunctionResponse) => {
    const { ref, method, path, basePath = '', query, headers } = head;
    const { address: clientAddress, protocol, host } = clientOf(req);
    const flow = refKey(ref);
    const requestId = requestIdOf(req);
    let bodyBytes = 0;
    try {
      const admitted = invoker.admit(ref, requestId, isOwnRequestId(req));
      const call = admitted instanceof Promise ? await admitted : admitted;
      const gone = clientGone(req.socket);
      let body: Buffer;
      try {
        if (head.body === undefined) {
          const read = readBody(req, res, maxBodyBytes, bodies, flow, CALL_BODY_VARIABLE);
          body = read instanceof Promise ? await read : read;
          bodyBytes = body.length;
        } else body = head.body;
        if (gone.aborted) throw leftEarly(gone.reason);
      } catch (error) {
        call.abandon();
        throw error;
      }
      let isAnswered = false;
      let failure: { error: unknown } | undefined;
      const answer = (response: CallResponse): void => {
        if (isAnswered || gone.aborted) return;
        isAnswered = true;
        try {
          holdUntilWritten(res, bodies, bodyToSend(response).length, flow);
          write(res, response, { requestId, invocationId: call.id });
        } catch (error) {
          failure = { error };
        }
      };
      try {
        const { method: clientMethod = '', url: clientTarget = '' } = req;
        const request = {
          method,
          path,
          basePath,
          query,
          headers,
          host,
          protocol,
          clientAddress,
          body,
          clientMethod,
          clientTarget,
        };
        answer(await call.run(request, gone, answer));
        if (failure !== undefined) throw failure.error;
      } catch (error) {
        if (!res.headersSent) res.setHeader('X-Invocation-Id', call.id);
        throw error;
      }
    } finally {
      bodies.give(bodyBytes, flow);
    }
  };
}

/** @param reason reason of the signal: a GlambdarError when the server stops */
function leftEarly(reason: unknown): GlambdarError {
  if (reason instanceof GlambdarError) return reason;
  return new GlambdarError('CANCELLED', 'The client went away before its call began.');
}
