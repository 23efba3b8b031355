/** Owns `POST /functions/:name` of faas: a call whose answer stands as text in a JSON object. */
import Router from '@koa/router';
import { GlambdarError } from '../../../errors.js';
import type { CallResponse } from '../../../model/call/call.js';
import { writeFunctionResponse } from '../../answers/function-response.js';
import type { RunCall } from '../../calls/run-call.js';
import { needs } from '../../middleware/needs.js';
import { functionNameParam } from '../../requests/function-name-param.js';
import { assertMayCall, namespaceOf } from '../../requests/principal.js';
import { functionHeaders } from '../../requests/request-headers.js';

export function faasInvokeRoutes({ runCall }: { runCall: RunCall }): Router {
  const router = new Router({ sensitive: true, strict: true });
  router.post('/functions/:name', needs('invoker'), async (ctx) => {
    const { req, res } = ctx;
    const ref = { namespace: namespaceOf(ctx), name: functionNameParam(ctx.params['name']) };
    assertMayCall(ctx, ref.name);
    const url = req.url ?? '';
    const question = url.indexOf('?');
    const query = question === -1 ? '' : url.slice(question + 1);
    const headers = functionHeaders(req.rawHeaders, req.headers.connection);
    // The answer is written past Koa, as that of every call.
    ctx.respond = false;
    await runCall(req, res, { ref, method: 'POST', path: '/', query, headers }, (_, response, ids) =>
      writeFunctionResponse(res, wrapped(response), ids),
    );
  });
  return router;
}

/**
 * The answer of a function, with its text as it is in `response`. Throws FUNCTION_ERROR for a status by which a function of
 * another contract says that it failed.
 */
function wrapped(response: CallResponse): CallResponse {
  const { statusCode, body } = response;
  const text = body.toString('utf8');
  if (statusCode >= 400) {
    const what = text === '' ? '.' : `: ${text}`;
    throw new GlambdarError('FUNCTION_ERROR', `The function answered with status ${statusCode}${what}`);
  }
  return {
    ...response,
    statusCode: 200,
    headers: [['content-type', 'application/json; charset=utf-8']],
    body: Buffer.from(`${JSON.stringify({ response: text })}\n`),
  };
}
