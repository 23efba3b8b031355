/** Owns the order in which every request passes through the middleware, and the list of route families. */
import { setMaxListeners } from 'node:events';
import Koa from 'koa';
import type { Invoker } from '../invocation/invocation.js';
import type { Logs } from '../invocation/logs.js';
import type { Logger } from '../logger.js';
import type { Deployments } from '../deploy/deployments.js';
import type { Registry } from '../registry/registry.js';
import type { Routes } from '../registry/routes.js';
import type { SecretKeeper } from '../secrets/secrets.js';
import type { BodyBudget } from './answers/body-budget.js';
import { isClientGone } from './answers/client-error.js';
import { createAnswerError } from './answers/error-answer.js';
import type { EventStreamOptions } from './answers/event-stream.js';
import { createRunCall } from './calls/run-call.js';
import { faasFamily } from './families/faas/faas.js';
import type { Readiness } from './families/native/health.js';
import { cloudfuncFamily } from './families/cloudfunc/cloudfunc.js';
import type { MetricsText } from './families/native/metrics.js';
import { goServerlessFamily } from './families/go-serverless/go-serverless.js';
import { nativeFamily } from './families/native/native.js';
import { rootRoute } from './families/root.js';
import { koaAnswers } from './middleware/koa-answers.js';
import { base } from './middleware/base.js';
import { checks } from './middleware/checks.js';
import { refuseCrossSite } from './middleware/cross-site.js';
import { allowedHosts } from './middleware/host.js';
import { routeNeeds, type RouteNeed } from './middleware/needs.js';
import { noRoute } from './middleware/no-route.js';
import { observe, type OnRequest } from './middleware/observe.js';
import { operator } from './middleware/operator.js';
import { requestShape } from './middleware/request-shape.js';
import { refuseWhenStopping } from './middleware/stopping.js';
import { requestIdOf } from './requests/request-id.js';

export interface AppConfig {
  /** The address or name that the server listens on, which is also an allowed `Host`. */
  host: string;
  /** The URL under which clients reach the server when it differs, e.g. through a proxy. */
  publicUrl: URL | null;
  /** The largest body of a call, in bytes, inclusive. */
  maxBodyBytes: number;
  /** The largest zip, in bytes, inclusive. */
  maxBundleBytes: number;
  /** Absolute directory for uploads in progress. */
  uploadDir: string;
  /** Limits of `follow=1` streams; default: a heartbeat every 15 s and 1 MiB for a slow reader. */
  events?: EventStreamOptions;
}

export interface AppDeps {
  registry: Registry;
  deployments: Deployments;
  routes: Routes;
  secrets: SecretKeeper;
  invoker: Invoker;
  /** Bounds the bodies of all requests to functions, and all answers that do not leave at once. */
  bodies: BodyBudget;
  logs: Logs;
  readiness: () => Promise<Readiness>;
  metricsText: MetricsText;
  /** Called once per request, when its answer is out or its client gone. */
  onRequest?: OnRequest;
  logger: Logger;
  config: AppConfig;
}

/** A Koa app that can be told to stop: from then on it refuses requests and ends its event streams. */
export class HttpApp extends Koa {
  readonly #stop = new AbortController();
  readonly stopping: AbortSignal = this.#stop.signal;
  /** Every route, and the least role that may use it. */
  routes: readonly RouteNeed[] = [];

  constructor() {
    super();
    // Every event stream listens to this signal, so there is no limit on listeners.
    setMaxListeners(0, this.stopping);
  }

  /** May be called more than once. */
  stop(): void {
    this.#stop.abort();
  }
}

export function createApp(deps: AppDeps): HttpApp {
  const { config, logger, bodies, onRequest } = deps;
  const app = new HttpApp();
  const { stopping } = app;
  const events = config.events ?? { heartbeatMs: 15_000, maxBufferedBytes: 1024 * 1024 };
  const runCall = createRunCall(deps);
  // The last one owns every request that no other owns.
  const families = [
    cloudfuncFamily({ ...deps, runCall }),
    faasFamily({ ...deps, runCall }),
    goServerlessFamily({ ...deps, runCall }),
    nativeFamily({ ...deps, runCall, stopping, events }),
  ];
  const root = rootRoute(families);
  app.routes = routeNeeds([...families, { calls: [], routers: [root] }]);

  if (onRequest !== undefined) app.use(observe(onRequest, logger));
  app.use(base(createAnswerError(families, logger)));
  app.use(
    checks([
      refuseWhenStopping(stopping),
      requestShape(),
      allowedHosts(config),
      refuseCrossSite(config.publicUrl),
    ]),
  );
  app.use(operator());
  for (const { calls } of families) for (const call of calls) app.use(call);
  app.use(koaAnswers(bodies));
  for (const { routers } of families) for (const router of routers) app.use(router.routes());
  app.use(root.routes());
  app.use(noRoute());

  // Errors that no middleware could catch: those of the sockets themselves, or a bug in an answer.
  app.on('error', (error: unknown, ctx?: Koa.Context) => {
    if (isClientGone(error)) return;
    const requestId = ctx === undefined ? undefined : requestIdOf(ctx.req);
    logger.error({ err: error, requestId }, 'answer failed');
  });
  return app;
}
