/** Owns the two health checks for supervisors: `/healthz` (the process answers) and `/readyz` (calls can be served). */
import Router from '@koa/router';
import { GlambdarError, type ErrorCode } from '../../../errors.js';
import { needs } from '../../middleware/needs.js';
import { sendJson } from '../../answers/send-json.js';

/** Whether calls can be served. `reason` is shown to the client: a sentence without paths or library text. */
export type Readiness = { ready: true } | { ready: false; reason: string; code?: ErrorCode };

export interface HealthRoutesDeps {
  readiness: () => Promise<Readiness>;
}

export function healthRoutes({ readiness }: HealthRoutesDeps): Router {
  const router = new Router({ sensitive: true, strict: true });

  router.get('/healthz', needs('open'), (ctx) => {
    sendJson(ctx, 200, { status: 'ok' });
  });

  router.get('/readyz', needs('open'), async (ctx) => {
    const state = await readiness();
    if (!state.ready) {
      throw new GlambdarError(state.code ?? 'DRIVER_UNAVAILABLE', state.reason, {
        status: 503,
        retryAfterSeconds: 5,
        details: { status: 'not ready' },
      });
    }
    sendJson(ctx, 200, { status: 'ready' });
  });

  return router;
}
