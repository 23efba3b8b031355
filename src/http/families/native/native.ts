/** Owns putting the native API (docs/api.md) together: its routes and its envelope, which unknown paths get, too. */
import { INVOKE_ROUTE } from '../../calls/call-target.js';
import type { RunCall } from '../../calls/run-call.js';
import type { Family } from '../family.js';
import { deployRoutes, type DeployRoutesDeps } from './deploy.js';
import { functionsRoutes, type FunctionsRoutesDeps } from './functions.js';
import { healthRoutes, type HealthRoutesDeps } from './health.js';
import { invokeRoute } from './invoke.js';
import { logsRoutes, type LogsRoutesDeps } from './logs.js';
import { metricsRoutes, type MetricsRoutesDeps } from './metrics.js';
import { nativeEnvelope } from './native-envelope.js';
import { secretsRoutes, type SecretsRoutesDeps } from './secrets.js';
import { versionsRoutes, type VersionsRoutesDeps } from './versions.js';

export type NativeFamilyDeps = { runCall: RunCall } & DeployRoutesDeps &
  FunctionsRoutesDeps &
  HealthRoutesDeps &
  LogsRoutesDeps &
  MetricsRoutesDeps &
  SecretsRoutesDeps &
  VersionsRoutesDeps;

export function nativeFamily(deps: NativeFamilyDeps): Family {
  return {
    owns: () => true,
    envelope: nativeEnvelope,
    calls: [invokeRoute(deps)],
    callRoutes: [`GET POST PUT PATCH DELETE ${INVOKE_ROUTE}[/…]`],
    routers: [
      deployRoutes(deps),
      functionsRoutes(deps),
      versionsRoutes(deps),
      secretsRoutes(deps),
      logsRoutes(deps),
      healthRoutes(deps),
      metricsRoutes(deps),
    ],
  };
}
