/** Owns the order in which a request passes through the middleware, and the list of route families. */
import { setMaxListeners } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import Koa from 'koa';
import type { Invoker } from '../invocation/invocation.js';
import type { Logs } from '../invocation/logs.js';
import type { Logger } from '../logger.js';
import type { Deployments } from '../deploy/deployments.js';
import type { Registry } from '../registry/registry.js';
import type { BodyBudget } from './body-budget.js';
import type { LaneServices } from './call-lane.js';
import { createCallServer } from './call-server.js';
import { isCall } from './call-target.js';
import { isClientGone } from './client-error.js';
import type { EventStreamOptions } from './event-stream.js';
import type { Family } from './family.js';
import { base } from './middleware/base.js';
import { refuseCrossSite } from './middleware/cross-site.js';
import { allChecks, checked } from './middleware/checks.js';
import { createAnswerError, createDescribeError, errors } from './middleware/errors.js';
import { allowedHosts } from './middleware/host.js';
import { noRoute } from './middleware/no-route.js';
import { observe, type RequestObservation } from './middleware/observe.js';
import { requestShape } from './middleware/request-shape.js';
import { refuseWhenStopping } from './middleware/stopping.js';
import { nativeEnvelope } from './native-envelope.js';
import { requestIdOf } from './request-id.js';
import { deployRoutes } from './routes/deploy.js';
import { functionsRoutes } from './routes/functions.js';
import { healthRoutes, type Readiness } from './routes/health.js';
import { createCall, invokeRoutes } from './routes/invoke.js';
import { createRunCall } from './run-call.js';
import { createSimpleCallServer } from './simple-call-server.js';
import { logsRoutes } from './routes/logs.js';
import { metricsRoutes, type MetricsText } from './routes/metrics.js';

export interface AppConfig {
  /** What the server listens on; that name is an allowed `Host`. */
  host: string;
  /** Where clients reach the server when that differs, e.g. through a proxy. */
  publicUrl: URL | null;
  /** The largest body of a call, inclusive. */
  maxBodyBytes: number;
  /** The largest zip, inclusive. */
  maxBundleBytes: number;
  /** Absolute directory for uploads in progress. */
  uploadDir: string;
  /** Limits of `follow=1` streams; default: a heartbeat every 15 s and 1 MiB for a slow reader. */
  events?: EventStreamOptions;
}

export interface AppDeps {
  registry: Registry;
  deployments: Deployments;
  invoker: Invoker;
  /** For the bodies of all calls, and for what the logs answer. */
  bodies: BodyBudget;
  logs: Logs;
  readiness: () => Promise<Readiness>;
  metricsText: MetricsText;
  /** Called once per request, when its answer is out or its client gone. Must not throw. */
  onRequest?: (observation: RequestObservation) => void;
  logger: Logger;
  config: AppConfig;
}

type Handle = (req: IncomingMessage, res: ServerResponse) => Promise<void>;

/** A Koa app that can be told to stop: from then on it refuses requests and ends its event streams. */
export class HttpApp extends Koa {
  /** Serves calls, past Koa. */
  serveCall: Handle | undefined;
  /** Serves simple calls, past node:http, too. */
  lane: LaneServices | undefined;
  readonly #stop = new AbortController();
  readonly stopping: AbortSignal = this.#stop.signal;

  constructor() {
    super();
    // Every event stream listens to it.
    setMaxListeners(0, this.stopping);
  }

  /** For the server's requests. */
  handler(): Handle {
    const serve = this.callback();
    const { serveCall } = this;
    if (serveCall === undefined) return serve;
    return (req, res) => (isCall(req) ? serveCall(req, res) : serve(req, res));
  }

  /** May be called more than once. */
  stop(): void {
    this.#stop.abort();
  }
}

export function createApp(deps: AppDeps): HttpApp {
  const { config, logger } = deps;
  const app = new HttpApp();
  const { stopping } = app;
  const events = config.events ?? { heartbeatMs: 15_000, maxBufferedBytes: 1024 * 1024 };

  const runCall = createRunCall(deps);
  const call = createCall({ ...deps, runCall });

  const native: Family = {
    owns: () => true,
    envelope: nativeEnvelope,
    routers: [
      invokeRoutes(call),
      deployRoutes(deps),
      functionsRoutes(deps),
      logsRoutes({ ...deps, stopping, events }),
      healthRoutes(deps),
      metricsRoutes(deps),
    ],
  };
  const families = [native];

  const check = allChecks([
    refuseWhenStopping(stopping),
    requestShape(),
    allowedHosts(config),
    refuseCrossSite(config.publicUrl),
  ]);
  const describeError = createDescribeError(families, logger);
  const answerError = createAnswerError(describeError);
  const { onRequest, bodies } = deps;
  app.serveCall = createCallServer({ check, call, answerError, onRequest, logger });
  app.lane = {
    serve: createSimpleCallServer({ check, runCall, bodies, describeError, onRequest, logger }),
    stopping,
    maxBodyBytes: config.maxBodyBytes,
    logger,
  };
  app.use(base());
  if (onRequest !== undefined) app.use(observe(onRequest));
  app.use(errors(answerError));
  app.use(checked(check));
  for (const { routers } of families) for (const router of routers) app.use(router.routes());
  app.use(noRoute());

  // What no middleware could catch: errors of the sockets themselves, or a bug in an answer.
  app.on('error', (error: unknown, ctx?: Koa.Context) => {
    if (isClientGone(error)) return;
    logger.error(
      { err: error, requestId: ctx === undefined ? undefined : requestIdOf(ctx.req) },
      'answer failed',
    );
  });
  return app;
}
