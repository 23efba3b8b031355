/** Owns `/invoke/:name` and everything under it, for requests that Node's parser has read. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import Router from '@koa/router';
import { holdUntilWritten, type BodyBudget } from '../body-budget.js';
import { CALL_METHODS, INVOKE_PREFIX, INVOKE_ROUTE } from '../call-target.js';
import { clientGone } from '../client-gone.js';
import { writeFunctionResponse } from '../function-response.js';
import type { RouteState } from '../middleware/observe.js';
import { readBody } from '../request-body.js';
import { isOwnRequestId, requestIdOf } from '../request-id.js';
import { callHead, type CallIds, type RunCall } from '../run-call.js';

export interface InvokeRoutesDeps {
  runCall: RunCall;
  bodies: BodyBudget;
  config: { maxBodyBytes: number };
}

/** Runs the call of a request whose path is below `/invoke/`, and answers it. Rejects with what is to be answered instead. */
export type Call = (req: IncomingMessage, res: ServerResponse) => Promise<void>;

export function createCall({ runCall, bodies, config }: InvokeRoutesDeps): Call {
  return async (req, res) => {
    const requestId = requestIdOf(req);
    const ids: CallIds = { requestId, isOurs: isOwnRequestId(req), invocationId: null };
    const head = callHead(req, req.headers.connection);
    const gone = clientGone(req, res);
    try {
      await runCall(head, ids, {
        body: (flow) => readBody(req, res, config.maxBodyBytes, bodies, flow),
        gone,
        // Past Koa, which would choose types and lengths from the kind of body.
        answer: (response) => {
          if (gone.aborted) return;
          holdUntilWritten(res, bodies, response.body.length, head.flow);
          writeFunctionResponse(res, response, ids);
        },
      });
    } catch (error) {
      if (ids.invocationId !== null && !res.headersSent) res.setHeader('X-Invocation-Id', ids.invocationId);
      throw error;
    }
  };
}

/** For what comes through Koa: targets in absolute form, and the methods that are not there. */
export function invokeRoutes(call: Call): Router {
  const router = new Router({ sensitive: true, strict: true });
  router.register(
    `${INVOKE_PREFIX}*target`,
    CALL_METHODS.map((method) => method.toLowerCase()),
    async (ctx) => {
      (ctx.state as RouteState).route = INVOKE_ROUTE;
      await call(ctx.req, ctx.res);
      ctx.respond = false;
    },
  );
  return router;
}
