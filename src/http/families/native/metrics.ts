/** Owns the route `GET /metrics`. The folder `metrics/` owns what is measured. */
import Router from '@koa/router';
import { needs } from '../../middleware/needs.js';

export type MetricsText = () => Promise<{ contentType: string; body: string }>;

export interface MetricsRoutesDeps {
  metricsText: MetricsText;
}

export function metricsRoutes({ metricsText }: MetricsRoutesDeps): Router {
  const router = new Router({ sensitive: true, strict: true });
  router.get('/metrics', needs('admin'), async (ctx) => {
    const { contentType, body } = await metricsText();
    ctx.set('Content-Type', contentType);
    ctx.set('Cache-Control', 'no-store');
    ctx.body = body;
  });
  return router;
}
