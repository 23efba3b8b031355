/** Owns putting the API of faas together (docs/api.md): its routes and its envelope. */
import Router from '@koa/router';
import { sendJson } from '../../answers/send-json.js';
import type { RunCall } from '../../calls/run-call.js';
import { needs } from '../../middleware/needs.js';
import type { Family } from '../family.js';
import { faasDeployRoutes, type FaasDeployDeps } from './deploy.js';
import { faasEnvelope } from './faas-envelope.js';
import { faasInvokeRoutes } from './invoke.js';

export type FaasFamilyDeps = FaasDeployDeps & { runCall: RunCall };

/** Of `/functions` itself other families answer reading; what lies under `/functions/<name>/` is none of this family's. */
const LIST = /^\/functions\/?$/;
const FUNCTION = /^\/functions\/[^/]+$/;

export function faasFamily(deps: FaasFamilyDeps): Family {
  return {
    owns: (method, path) =>
      path === '/ping' || FUNCTION.test(path) || (LIST.test(path) && method !== 'GET' && method !== 'HEAD'),
    envelope: faasEnvelope,
    calls: [],
    routers: [pingRoutes(), faasDeployRoutes(deps), faasInvokeRoutes(deps)],
  };
}

function pingRoutes(): Router {
  const router = new Router({ sensitive: true, strict: true });
  router.get('/ping', needs('viewer'), (ctx) => {
    sendJson(ctx, 200, { message: 'pong' });
  });
  return router;
}
