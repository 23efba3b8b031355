/** Owns `POST /invoke` of the CloudFunc gateway: any function by its name, its payload the body, its answer inside ours. */
import Router from '@koa/router';
import type { ServerResponse } from 'node:http';
import { GlambdarError, toGlambdarError, type ErrorCode } from '../../../errors.js';
import type { CallResponse } from '../../../model/call/call.js';
import { parseFunctionName } from '../../../model/function/function-name.js';
import type { FunctionRef } from '../../../model/function/ref.js';
import type { Registry } from '../../../registry/registry.js';
import type { BodyBudget } from '../../answers/body-budget.js';
import { embeddedAnswer } from '../../answers/embedded-answer.js';
import { writeFunctionResponse, type ResponseIds } from '../../answers/function-response.js';
import type { RunCall, WriteResponse } from '../../calls/run-call.js';
import { needs } from '../../middleware/needs.js';
import { withJsonMembers } from '../../requests/json-members.js';
import { assertMayCall, namespaceOf } from '../../requests/principal.js';
import { functionHeaders } from '../../requests/request-headers.js';
import { ERROR_FIELD } from './cloudfunc-envelope.js';

export interface GatewayRoutesDeps {
  registry: Registry;
  runCall: RunCall;
  bodies: BodyBudget;
  config: { maxBodyBytes: number };
}

const ROUTE = '/invoke';
const NEWLINE = Buffer.from('\n');

export function gatewayRoutes({ registry, runCall, bodies, config }: GatewayRoutesDeps): Router {
  const router = new Router({ sensitive: true, strict: true });
  router.post(ROUTE, needs('invoker'), async (ctx) => {
    const { req, res } = ctx;
    const options = { maxBodyBytes: config.maxBodyBytes, bodies, flow: ROUTE };
    await withJsonMembers(req, res, options, ['function_name', 'payload'], async (members) => {
      const name = members.value('function_name');
      const payload = members.text('payload');
      // A payload that is null, 0, "" or false is one; a name is not.
      if (!name || payload === undefined)
        throw new GlambdarError('INVALID_REQUEST', 'function_name and payload are required');
      const ref = refOf(namespaceOf(ctx), name);
      assertMayCall(ctx, ref.name);
      const source = registry.find(ref)?.active.source;
      if (source === undefined) throw unknownFunction();
      if (source.type === 'image' && source.digest === null)
        throw new GlambdarError('FUNCTION_NOT_FOUND', 'Function exists but container image not found');
      ctx.respond = false;
      const head = { ref, body: payload, ...postJson(req) };
      await runCall(req, res, head, (out, response, ids) => answer(out, response, ids, ref.name)).catch(
        (error: unknown) => {
          throw asGatewayError(toGlambdarError(error));
        },
      );
    });
  });
  return router;
}

/** A call that posts JSON, with the caller's other headers. */
export function postJson(req: { rawHeaders: string[]; headers: { connection?: string | undefined } }) {
  const headers = functionHeaders(req.rawHeaders, req.headers.connection).filter(
    ([name]) => name !== 'content-type' && name !== 'content-encoding',
  );
  const type: [string, string] = ['content-type', 'application/json'];
  return { method: 'POST', path: '/', query: '', headers: [...headers, type] };
}

/** Writes a JSON text of ours in place of a function's answer, with a newline at its end. */
export function writeJson(
  res: ServerResponse,
  response: CallResponse,
  ids: ResponseIds,
  statusCode: number,
  body: Buffer,
): void {
  const headers: CallResponse['headers'] = [['content-type', 'application/json; charset=utf-8']];
  writeFunctionResponse(res, { ...response, statusCode, headers, body: Buffer.concat([body, NEWLINE]) }, ids);
}

function answer(...[res, response, ids, name]: [...Parameters<WriteResponse>, name: string]): void {
  const { statusCode } = response;
  const json = embeddedAnswer(response);
  const succeeded = statusCode < 300;
  const [before, after] = succeeded
    ? [`{"function":${JSON.stringify(name)},"result":`, '}']
    : ['{"error":', '}'];
  // A redirect would lead the gateway's client to a place that only the function knows.
  const status = succeeded ? 200 : statusCode < 400 ? 502 : statusCode;
  writeJson(res, response, ids, status, Buffer.concat([Buffer.from(before), json, Buffer.from(after)]));
}

function refOf(namespace: string, name: unknown): FunctionRef {
  try {
    return { namespace, name: parseFunctionName(name) };
  } catch {
    throw unknownFunction();
  }
}

/** The gateway passes on what its registry answered, which is an object. */
function unknownFunction(): GlambdarError {
  const message = 'Function not found';
  return new GlambdarError('FUNCTION_NOT_FOUND', message, {
    details: { [ERROR_FIELD]: { error: message } },
  });
}

/** Failures of what the gateway stands in front of. Too many calls are not one: the client can try again. */
const UNREACHABLE: readonly ErrorCode[] = ['INTERNAL', 'DRIVER_UNAVAILABLE', 'CODE_UNAVAILABLE'];

function asGatewayError(error: GlambdarError): GlambdarError {
  if (error.code === 'FUNCTION_NOT_FOUND') return unknownFunction();
  if (!UNREACHABLE.includes(error.code)) return error;
  return new GlambdarError(error.code, 'Internal Gateway Error', {
    status: 500,
    cause: error.cause ?? error,
    ...(error.retryAfterSeconds !== undefined && { retryAfterSeconds: error.retryAfterSeconds }),
  });
}
