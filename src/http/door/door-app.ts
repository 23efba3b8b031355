/**
 * Owns the app of the listener for functions. It serves functions marked `public` and has no other route: a program of its
 * own, not the control API with routes hidden. Pages, cookies, CORS headers and OPTIONS belong to the functions, because
 * nothing else lives on this origin.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { BlockList } from 'node:net';
import type { Middleware } from 'koa';
import type { Authentication } from '../../accounts/authentication.js';
import { GlambdarError } from '../../errors.js';
import type { Invoker } from '../../invocation/invocation.js';
import type { Logger } from '../../logger.js';
import { CALL_METHODS } from '../../model/function/cors.js';
import type { Registry } from '../../registry/registry.js';
import type { BodyBudget } from '../answers/body-budget.js';
import { createAnswerError, type OnRefused } from '../answers/error-answer.js';
import { writePublicResponse } from '../answers/function-response.js';
import { createRunCall, headAsSent } from '../calls/run-call.js';
import { nativeEnvelope } from '../families/native/native-envelope.js';
import { HttpApp } from '../http-app.js';
import { base } from '../middleware/base.js';
import { checks } from '../middleware/checks.js';
import { countHosts, parseHost } from '../middleware/host.js';
import { methodNotAllowed } from '../middleware/no-route.js';
import { observe, type OnRequest, type RouteState } from '../middleware/observe.js';
import { requestShape } from '../middleware/request-shape.js';
import { refuseWhenStopping } from '../middleware/stopping.js';
import { withholdCredentials } from '../requests/credentials.js';
import { clientOf, readClient } from '../requests/client.js';
import { functionNotFound } from '../requests/function-name-param.js';
import { requestIdOf } from '../requests/request-id.js';
import { corsHeaders, isPreflight, preflightHeaders } from './cors-headers.js';
import { doorTarget, type DoorAddressing } from './door-target.js';

export interface DoorConfig extends DoorAddressing {
  /** The proxies whose `X-Forwarded-For`, `-Proto` and `-Host` count. */
  trustedProxies: BlockList;
  /** The largest body of a call, in bytes, inclusive. */
  maxBodyBytes: number;
}

/** What the listener shares with the control API: functions, limits and bounds are the same for both. */
export interface DoorDeps {
  functions: Pick<Registry, 'find'>;
  invoker: Invoker;
  bodies: BodyBudget;
  /** Knows tokens and keys of the control API, which no function gets; null while accounts are off. */
  authentication: Pick<Authentication, 'authenticate'> | null;
  /** Called once per request, when its answer is out or its client gone. */
  onRequest?: OnRequest;
  /** Called with every error that is answered. */
  onRefused?: OnRefused;
  logger: Logger;
  config: DoorConfig;
}

type Headers = [name: string, value: string][];

/** Routes as metrics name them. The control API has none that begin like this. */
const CALL_ROUTE = 'functions:/:name';
const PREFLIGHT_ROUTE = 'functions:preflight';
const NO_ROUTE = 'functions:none';

/** Errors and unknown addresses have the native envelope. */
const family = { owns: () => true, envelope: nativeEnvelope, calls: [], routers: [] };

export function createDoorApp(deps: DoorDeps): HttpApp {
  const { config, logger, onRequest, onRefused } = deps;
  const app = new HttpApp(logger);
  if (onRequest !== undefined) app.use(observe(onRequest, logger, NO_ROUTE));
  app.use(base(createAnswerError([family], logger, onRefused)));
  app.use(
    checks([
      refuseWhenStopping(app.stopping),
      requestShape(),
      readClient(config.trustedProxies),
      refuseUnclearHost,
    ]),
  );
  if (deps.authentication !== null) app.use(withoutCredentials(deps.authentication));
  app.use(callPublicFunction(deps));
  return app;
}

/** Somebody may send a function what proves them at the control API: by mistake, or because a program sends it everywhere. */
function withoutCredentials(authentication: Pick<Authentication, 'authenticate'>): Middleware {
  return (ctx, next) => {
    const withheld = withholdCredentials(ctx.req, authentication);
    return withheld === undefined ? next() : withheld.then(next);
  };
}

/** Refuses a request whose host this server and a proxy before it could read differently (RFC 9112 §3.2). */
function refuseUnclearHost(req: IncomingMessage): void {
  const { host } = clientOf(req);
  const isMissing = host === undefined && req.httpVersion === '1.1';
  if (isMissing || countHosts(req.rawHeaders) > 1 || (host !== undefined && parseHost(host) === null))
    throw new GlambdarError('INVALID_REQUEST', 'A request must name one host, such as fn.example.com:443.');
}

function callPublicFunction({ functions, invoker, bodies, config }: DoorDeps): Middleware {
  const runCall = createRunCall({ invoker, bodies, config });
  return (ctx) => {
    const { req, res } = ctx;
    const { method = '', url = '' } = req;
    if (!CALL_METHODS.includes(method)) return methodNotAllowed(ctx, CALL_METHODS);
    const target = doorTarget(url, parseHost(clientOf(req).host), config);
    const record = target && functions.find(target.ref);
    // One answer for both, so that nobody learns which functions there are. `runCall` admits the call in this same turn of
    // the event loop: the function cannot stop being public in between.
    if (target === undefined || !record?.settings.public) throw functionNotFound();
    (ctx.state as RouteState).route = CALL_ROUTE;
    // Answers are written past Koa, because Koa would choose their type and length from the kind of body.
    ctx.respond = false;
    const { cors } = record.settings;
    if (cors !== null && isPreflight(method, req.headers)) {
      (ctx.state as RouteState).route = PREFLIGHT_ROUTE;
      answerPreflight(req, res, preflightHeaders(cors, req.headers));
      return;
    }
    const added = cors === null ? null : corsHeaders(cors, req.headers.origin);
    const called = runCall(req, res, headAsSent(req, target.ref, target), (out, response, ids) =>
      writePublicResponse(out, response, ids, added),
    );
    return added === null ? called : called.catch((error: unknown) => failed(res, added, error));
  };
}

/** Lets the page that may read the function's answers read the error in place of one, too. */
function failed(res: ServerResponse, added: Headers, error: unknown): never {
  // Not before the call: an answer with headers set before it loses all but one of its cookies.
  if (!res.headersSent) for (const [name, value] of added) res.setHeader(name, value);
  throw error;
}

function answerPreflight(req: IncomingMessage, res: ServerResponse, headers: Headers): void {
  res.writeHead(204, ['X-Request-Id', requestIdOf(req), ...headers.flat()]);
  res.end();
}
