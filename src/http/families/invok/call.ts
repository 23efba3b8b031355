/** Owns `/invok/<namespace>/<name>` and all paths under it: a call of a function, with any method, in the namespace that the path names. */
import { METHODS } from 'node:http';
import type { Middleware } from 'koa';
import type { CallResponse } from '../../../model/call/call.js';
import type { Registry } from '../../../registry/registry.js';
import { writeFunctionResponse } from '../../answers/function-response.js';
import { decodeSegment, splitTarget } from '../../calls/call-target.js';
import { headAsSent, type RunCall } from '../../calls/run-call.js';
import { needing } from '../../middleware/needs.js';
import { methodNotAllowed } from '../../middleware/no-route.js';
import type { RouteState } from '../../middleware/observe.js';
import { assertMayCall } from '../../requests/principal.js';
import { invokNotFound, invokRef, isOwn } from './invok-ref.js';

const PREFIX = '/invok/';

/** The route, as metrics name it. */
export const INVOK_CALL_ROUTE = '/invok/:namespace/:name';

/** CONNECT makes a tunnel, and TRACE echoes what a browser would keep from its pages. */
const ALLOWED = METHODS.filter((method) => method !== 'CONNECT' && method !== 'TRACE');

export interface InvokCallDeps {
  registry: Pick<Registry, 'find'>;
  runCall: RunCall;
}

export function invokCall({ registry, runCall }: InvokCallDeps): Middleware {
  return needing('invoker', (ctx, next) => {
    const { req, res } = ctx;
    const { method = '', url = '' } = req;
    const nameAt = nameStart(url);
    if (nameAt === undefined) return next();
    if (!ALLOWED.includes(method)) return methodNotAllowed(ctx, ALLOWED);
    (ctx.state as RouteState).route = INVOK_CALL_ROUTE;
    const target = splitTarget(url, nameAt);
    const ref = invokRef(decodeSegment(url.slice(PREFIX.length, nameAt - 1)), target.name);
    const found = registry.find(ref);
    const isPublic = (): boolean => found?.settings.public === true;
    assertMayCall(ctx, ref.name, isPublic);
    // One answer for a function that is not there and for one of another namespace.
    if (found === undefined || !(isOwn(ctx, ref) || isPublic())) throw invokNotFound(ref);
    ctx.respond = false;
    return runCall(req, res, headAsSent(req, ref, target), (_, response, ids) =>
      writeFunctionResponse(res, rawAnswer(response), ids),
    );
  });
}

/** Where the name begins in `/invok/<namespace>/<name>…`; undefined for every other target, the routes of this family included. */
function nameStart(url: string): number | undefined {
  if (!url.startsWith(PREFIX)) return undefined;
  const question = url.indexOf('?');
  const pathname = question === -1 ? url : url.slice(0, question);
  const slash = pathname.indexOf('/', PREFIX.length);
  const namespace = pathname.slice(PREFIX.length, slash);
  const hasName = slash > PREFIX.length && slash + 1 < pathname.length && pathname[slash + 1] !== '/';
  return hasName && namespace !== 'logs' ? slash + 1 : undefined;
}

/** The answer with a string as it is: clients of Invok get what the function returned, not the JSON of it. */
function rawAnswer(response: CallResponse): CallResponse {
  const { body, headers } = response;
  const isJson = headers.some(
    ([name, value]) => name.toLowerCase() === 'content-type' && /\bjson\b/i.test(value),
  );
  if (!isJson || body[0] !== 0x22) return response;
  const text = stringOf(body);
  if (text === undefined) return response;
  const type = isJsonText(text) ? 'application/json; charset=utf-8' : 'text/plain; charset=utf-8';
  return {
    ...response,
    headers: headers.map(([name, value]) => [name, name.toLowerCase() === 'content-type' ? type : value]),
    body: Buffer.from(text),
  };
}

function stringOf(body: Buffer): string | undefined {
  try {
    const value: unknown = JSON.parse(body.toString('utf8'));
    return typeof value === 'string' ? value : undefined;
  } catch {
    return undefined;
  }
}

function isJsonText(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
