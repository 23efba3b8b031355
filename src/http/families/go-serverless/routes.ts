/** Owns `/v1/routes`: which path under `/r` leads to which function. */
import Router from '@koa/router';
import type { Route, Routes } from '../../../registry/routes.js';
import type { BodyBudget } from '../../answers/body-budget.js';
import { needs } from '../../middleware/needs.js';
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
    sendData(ctx, 200, routeView(await routes.add(namespaceOf(ctx), path, functionId)));
  });

  router.get('/v1/routes/:id', needs('viewer'), async (ctx) => {
    sendData(ctx, 200, routeView(await routes.get(namespaceOf(ctx), idParam(ctx.params['id']))));
  });

  router.put('/v1/routes/:id', needs('deployer'), async (ctx) => {
    const id = idParam(ctx.params['id']);
    const { path, function_id: functionId } = await readJsonObject(ctx, bodies);
    sendData(ctx, 200, routeView(await routes.change(namespaceOf(ctx), id, path, functionId)));
  });

  router.delete('/v1/routes/:id', needs('deployer'), async (ctx) => {
    sendData(ctx, 200, routeView(await routes.remove(namespaceOf(ctx), idParam(ctx.params['id']))));
  });

  return router;
}

function routeView(route: Route): { id: string; path: string; function: FunctionView } {
  return { id: route.id, path: route.path, function: functionView(route.function) };
}
