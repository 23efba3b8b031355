/** Owns the order in which every request passes through the middleware, and the list of route families. */
import type { BlockList } from 'node:net';
import type { Accounts } from '../accounts/accounts.js';
import { DEFAULT_NAMESPACE } from '../model/function/ref.js';
import type { Invoker } from '../invocation/invocation.js';
import type { Logs } from '../invocation/logs.js';
import type { Logger } from '../logger.js';
import type { Deployments } from '../deploy/deployments.js';
import type { Registry } from '../registry/registry.js';
import type { Routes } from '../registry/routes.js';
import type { SecretKeeper } from '../secrets/secrets.js';
import type { BodyBudget } from './answers/body-budget.js';
import { createAnswerError, type OnRefused } from './answers/error-answer.js';
import type { EventStreamOptions } from './answers/event-stream.js';
import { LogStreams } from './answers/log-streams.js';
import { createRunCall } from './calls/run-call.js';
import type { Quotas } from '../accounts/quotas.js';
import type { QuotasRoutesDeps } from './families/auth/quotas.js';
import { authFamily } from './families/auth/auth.js';
import { faasFamily } from './families/faas/faas.js';
import type { Readiness } from './families/native/health.js';
import { cloudfuncFamily } from './families/cloudfunc/cloudfunc.js';
import type { MetricsText } from './families/native/metrics.js';
import { goServerlessFamily } from './families/go-serverless/go-serverless.js';
import { invokFamily } from './families/invok/invok.js';
import { nativeFamily } from './families/native/native.js';
import { packageInfo, rootRoute } from './families/root.js';
import { HttpApp } from './http-app.js';
import { koaAnswers } from './middleware/koa-answers.js';
import { createPublicAddress } from './answers/public-address.js';
import type { DoorUrl } from './door/door-url.js';
import { base } from './middleware/base.js';
import { checks } from './middleware/checks.js';
import { refuseCrossSite } from './middleware/cross-site.js';
import { allowedHosts, clearHost } from './middleware/host.js';
import { routeNeeds } from './middleware/needs.js';
import { noRoute } from './middleware/no-route.js';
import { observe, type OnRequest } from './middleware/observe.js';
import { operator } from './middleware/operator.js';
import { principals } from './middleware/principals.js';
import { requestShape } from './middleware/request-shape.js';
import { refuseWhenStopping } from './middleware/stopping.js';
import { openApiDocument } from './openapi/document.js';
import { openApiRoute } from './openapi/openapi.js';
import { readClient } from './requests/client.js';

export interface AppConfig {
  /** The address or name that the server listens on, which is also an allowed `Host`. */
  host: string;
  /** The URL under which clients reach the server when it differs, e.g. through a proxy. */
  publicUrl: URL | null;
  /** The proxies whose `X-Forwarded-For`, `-Proto` and `-Host` count. */
  trustedProxies: BlockList;
  /** The largest body of a call, in bytes, inclusive. */
  maxBodyBytes: number;
  /** The largest zip, in bytes, inclusive. */
  maxBundleBytes: number;
  /** Absolute directory for uploads in progress. */
  uploadDir: string;
  /** Limits of streams of logs; default: a heartbeat every 15 s and 1 MiB for a slow reader. */
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
  /** Called with every error that is answered. */
  onRefused?: OnRefused;
  /** Null: there is no listener for functions. */
  doorUrl: DoorUrl | null;
  /** Null: accounts are off, and every request is the operator's. */
  accounts: Accounts | null;
  quotas: Quotas;
  /** What a namespace takes of its quota now. */
  usage: QuotasRoutesDeps['usage'];
  logger: Logger;
  config: AppConfig;
}

export function createApp(deps: AppDeps): HttpApp {
  const { config, logger, bodies, onRequest, accounts } = deps;
  const app = new HttpApp(logger);
  const streams = new LogStreams(
    app.stopping,
    config.events ?? { heartbeatMs: 15_000, maxBufferedBytes: 1024 * 1024 },
  );
  const runCall = createRunCall(deps);
  const publicAddress = createPublicAddress({ ...deps, hasAccounts: accounts !== null });
  // The last one owns every request that no other owns.
  const families = [
    authFamily(deps),
    cloudfuncFamily({ ...deps, runCall }),
    faasFamily({ ...deps, runCall }),
    goServerlessFamily({ ...deps, runCall }),
    invokFamily({ ...deps, runCall, streams }),
    nativeFamily({ ...deps, runCall, streams, publicAddress }),
  ];
  const openApi = openApiRoute(() =>
    openApiDocument(app.routes, { ...packageInfo(), hasAccounts: accounts !== null }),
  );
  const root = rootRoute([...families, { routers: [openApi] }]);
  app.routes = routeNeeds([...families, { calls: [], routers: [openApi, root] }]);

  if (onRequest !== undefined) app.use(observe(onRequest, logger));
  app.use(base(createAnswerError(families, logger, deps.onRefused)));
  app.use(
    checks([
      refuseWhenStopping(app.stopping),
      requestShape(),
      readClient(config.trustedProxies),
      // With accounts no request is let in for where it comes from, so a name that leads here is as good as any other.
      accounts === null ? allowedHosts(config) : clearHost(),
      refuseCrossSite(config.publicUrl),
    ]),
  );
  app.use(
    accounts === null
      ? operator()
      : principals({ accounts, hasNamespace: namespaceCheck(accounts, deps.registry) }),
  );
  // The last family, which has `/invoke`, looks at a request first: no route is asked for more often.
  for (const { calls } of families.toReversed()) for (const call of calls) app.use(call);
  app.use(koaAnswers(bodies));
  for (const { routers } of families) for (const router of routers) app.use(router.routes());
  app.use(openApi.routes());
  app.use(root.routes());
  app.use(noRoute());
  return app;
}

/** Whether there is a namespace: the default one, that of a user, or one that a removed user left functions in. */
function namespaceCheck(accounts: Accounts, registry: Registry): (namespace: string) => Promise<boolean> {
  return async (namespace) =>
    namespace === DEFAULT_NAMESPACE ||
    registry.list(namespace).length > 0 ||
    (await accounts.users.find(namespace)) !== undefined;
}
