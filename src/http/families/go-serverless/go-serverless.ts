/** Owns putting the go-serverless API (docs/images.md) together: its routes, its calls, and its envelope. */
import type { RunCall } from '../../calls/run-call.js';
import type { Family } from '../family.js';
import { functionsRoutes, type ImageFunctionsDeps } from './functions.js';
import { goServerlessEnvelope } from './go-serverless-envelope.js';
import { routesRoutes } from './routes.js';
import { runRoute } from './run.js';

export type GoServerlessFamilyDeps = { runCall: RunCall } & ImageFunctionsDeps;

export function goServerlessFamily(deps: GoServerlessFamilyDeps): Family {
  return {
    owns: (_method, path) => /^\/(?:v1\/(?:functions|routes)|r)(?:\/|$)/.test(path),
    envelope: goServerlessEnvelope,
    calls: [runRoute(deps.routes, deps.runCall)],
    callRoutes: ['POST /r/<path>'],
    routers: [functionsRoutes(deps), routesRoutes(deps)],
  };
}
