/** Owns `/v1/routes`: which path under `/r` leads to which function. */
import Router from '@koa/router';
import type { Route, Routes } from '../../../registry/routes.js';
import type { BodyBudget } from '../../answers/body-budget.js';
import { needs } from '../../middleware/needs.js';
import { audited } from '../../requests/audited.js';
import { namespaceOf } from '../../requests/principal.js';
import { functionView, type FunctionView } from './function-view.js';
import { sendData } from './go-serverless-envelope.js';
import { idParam } from './id-param.js';
import { readJsonObject } from '../../requests/json-object.js';

export interface RoutesRoutesDeps {
  routes: Routes;
  bodies: BodyBudget;
}

export function routesRoutes({ routes, bodies }: RoutesRoutesDeps): Router {
  const router = new Router({ sensitive: true, strict: true });

  router.get('/v1/routes', needs('viewer'), async (ctx) => {
    sendData(ctx, 200, (await routes.list(namespaceOf(ctx))).map(routeView));
  });

  router.post('/v1/routes', needs('deployer'), async (ctx) => {
    const { path, function_id: functionId } = await readJsonObject(ctx, bodies);
    const route = await routes.add(namespaceOf(ctx), path, functionId);
    audited(ctx, 'route.create', route.id, { path: route.path });
    sendData(ctx, 200, routeView(route));
  });

  router.get('/v1/routes/:id', needs('viewer'), async (ctx) => {
    sendData(ctx, 200, routeView(await routes.get(namespaceOf(ctx), idParam(ctx.params['id']))));
  });

  router.put('/v1/routes/:id', needs('deployer'), async (ctx) => {
    const id = idParam(ctx.params['id']);
    const { path, function_id: functionId } = await readJsonObject(ctx, bodies);
    const route = await routes.change(namespaceOf(ctx), id, path, functionId);
    audited(ctx, 'route.change', route.id, { path: route.path });
    sendData(ctx, 200, routeView(route));
  });

  router.delete('/v1/routes/:id', needs('deployer'), async (ctx) => {
    const route = await routes.remove(namespaceOf(ctx), idParam(ctx.params['id']));
    audited(ctx, 'route.delete', route.id, { path: route.path });
    sendData(ctx, 200, routeView(route));
  });

  return router;
}

function routeView(route: Route): { id: string; path: string; function: FunctionView } {
  return { id: route.id, path: route.path, function: functionView(route.function) };
}
