/**
 * Owns serving simple calls: the same checks, the same call and the same answers as everywhere, without the objects that
 * Node makes for each request, which cost as much as the rest of a warm call.
 */
import type { Logger } from '../logger.js';
import { SMALL_ANSWER_BYTES, type BodyBudget } from './body-budget.js';
import { INVOKE_ROUTE } from './call-target.js';
import { callHeaders, functionAnswerHeaders, isBodiless } from './function-response.js';
import type { Check } from './middleware/checks.js';
import type { DescribeError } from './middleware/errors.js';
import type { OnRequest } from './middleware/observe.js';
import { idFrom } from './request-id.js';
import { callHead, type CallIds, type RunCall } from './run-call.js';
import type { SimpleCall } from './simple-call.js';

/** The connection a simple call came on, and its answer goes to. */
export interface Link {
  readonly socket: { localAddress?: string | undefined };
  /** Aborts when the client has gone. */
  readonly gone: AbortSignal;
  /** Nothing can be sent any more. */
  readonly lost: boolean;
  /**
   * Writes an answer; at most once. @param headers name, value, …; those about the connection are added
   * @returns whether the kernel has got all of it: false when nothing could be sent, or the client went before
   */
  send(status: number, headers: readonly string[], body: Buffer): boolean | Promise<boolean>;
  /** Ends the connection without an answer. */
  cut(): void;
}

/** Resolves when the answer has left, or its client. Never rejects. */
export type ServeSimpleCall = (call: SimpleCall, body: Buffer, link: Link) => Promise<void>;

export interface SimpleCallServerOptions {
  check: Check;
  runCall: RunCall;
  bodies: BodyBudget;
  describeError: DescribeError;
  onRequest: OnRequest | undefined;
  logger: Logger;
}

const EMPTY = Buffer.alloc(0);
/** What checks set describes answers that node:http writes. */
const NO_RESPONSE = { setHeader: () => undefined as never };

export function createSimpleCallServer(options: SimpleCallServerOptions): ServeSimpleCall {
  const { check, runCall, bodies, describeError, onRequest, logger } = options;
  return async (call, body, link) => {
    const startedAt = performance.now();
    const { id: requestId, isOurs } = idFrom(call.headers['x-request-id']);
    const ids: CallIds = { requestId, isOurs, invocationId: null };
    const { gone, socket } = link;
    let route = call.accepted === null ? 'none' : INVOKE_ROUTE;
    let status = 0;
    let leaving: boolean | Promise<boolean> = false;
    const send = (code: number, headers: readonly string[], bytes: Buffer): void => {
      leaving = link.send(code, headers, bytes);
      status = code;
    };
    try {
      if (call.accepted === null) {
        check({ ...call, socket }, NO_RESPONSE);
        route = INVOKE_ROUTE;
        call.accepted = callHead(call, call.headers['connection']);
      }
      const { flow } = call.accepted;
      await runCall(call.accepted, ids, {
        body: () => {
          bodies.take(body.length, flow);
          return body;
        },
        gone,
        answer: (response) => {
          if (gone.aborted) return;
          const headers = functionAnswerHeaders(response, ids);
          const bytes = isBodiless(response.statusCode) ? EMPTY : response.body;
          const held = bytes.length > SMALL_ANSWER_BYTES ? bytes.length : 0;
          if (held > 0) bodies.take(held, flow);
          send(response.statusCode, headers, bytes);
          if (held > 0) void Promise.resolve(leaving).then(() => bodies.give(held, flow));
        },
      });
    } catch (thrown) {
      try {
        if (!link.lost && status === 0) {
          const error = describeError(thrown, call.url, requestId);
          send(error.status, callHeaders(ids).concat(error.headers), Buffer.from(error.body));
        }
      } catch (err) {
        logger.error({ err, requestId }, 'answer failed');
      }
    }
    // Nobody may wait for an answer that will not come.
    if (status === 0) link.cut();
    const left = typeof leaving === 'boolean' ? leaving : await (leaving as Promise<boolean>);
    try {
      onRequest?.({
        route,
        method: call.method,
        status: left ? status : 499,
        seconds: (performance.now() - startedAt) / 1000,
      });
    } catch (err) {
      logger.error({ err, requestId }, 'a request could not be counted');
    }
  };
}
