/** Owns `/v1/functions`: images that run once for each call, registered, listed, pulled again and deleted. */
import Router from '@koa/router';
import type { Deployments } from '../../../deploy/deployments.js';
import { GlambdarError } from '../../../errors.js';
import { parseFunctionName } from '../../../model/function/function-name.js';
import type { FunctionRecord } from '../../../model/function/function.js';
import { createFunctionId } from '../../../model/function/id.js';
import { DEFAULT_NAMESPACE } from '../../../model/function/ref.js';
import type { Registry } from '../../../registry/registry.js';
import type { Routes } from '../../../registry/routes.js';
import type { BodyBudget } from '../../answers/body-budget.js';
import { whileClientWaits } from '../../calls/client-gone.js';
import { functionView } from './function-view.js';
import { sendData } from './go-serverless-envelope.js';
import { idParam } from './id-param.js';
import { readJsonObject } from './json-body.js';

export interface ImageFunctionsDeps {
  registry: Registry;
  deployments: Deployments;
  routes: Routes;
  bodies: BodyBudget;
}

export function functionsRoutes({ registry, deployments, routes, bodies }: ImageFunctionsDeps): Router {
  const router = new Router({ sensitive: true, strict: true });

  /** Throws INVALID_REQUEST for what is no id, FUNCTION_NOT_FOUND when no function of this API has the id. */
  const known = (id: unknown): FunctionRecord => {
    const found = registry.byId(idParam(id));
    if (found === undefined || !isOurs(found))
      throw new GlambdarError('FUNCTION_NOT_FOUND', 'No function has this id.');
    return found;
  };

  router.get('/v1/functions', (ctx) => {
    sendData(ctx, 200, registry.records().filter(isOurs).map(functionView));
  });

  router.post('/v1/functions', async (ctx) => {
    const { image, environment, id, name } = await readJsonObject(ctx, bodies);
    if (typeof image !== 'string' || image === '')
      throw new GlambdarError(
        'INVALID_REQUEST',
        'image is missing; name an image, such as "ghcr.io/owner/name:tag".',
      );
    const before = id === undefined || id === '' ? undefined : updated(known, id);
    const newId = createFunctionId();
    const ref = before?.ref ?? {
      namespace: DEFAULT_NAMESPACE,
      name: name === undefined ? newId : parseFunctionName(name),
    };
    if (before === undefined && registry.find(ref) !== undefined)
      throw new GlambdarError(
        'INVALID_REQUEST',
        `A function is called "${ref.name}" already; choose another name.`,
      );
    const deploying = deployments.deployImage({
      ref,
      image,
      settings: { contract: 'go-serverless', ...environmentPatch(environment) },
      id: newId,
    });
    const deployed = await whileClientWaits(ctx.req.socket, deploying);
    sendData(ctx, 201, functionView(deployed));
  });

  router.get('/v1/functions/:id', (ctx) => {
    sendData(ctx, 200, functionView(known(ctx.params['id'])));
  });

  router.delete('/v1/functions/:id', async (ctx) => {
    const found = known(ctx.params['id']);
    await routes.assertUnrouted(found.id);
    await registry.remove(found.ref);
    sendData(ctx, 200, functionView(found));
  });

  router.post('/v1/functions/:id/pull', async (ctx) => {
    const { ref, active } = known(ctx.params['id']);
    const image = active.source.type === 'image' ? active.source.image : null;
    const deploying = deployments.deployImage({ ref, image, settings: {}, pull: 'always' });
    const deployed = await whileClientWaits(ctx.req.socket, deploying);
    sendData(ctx, 200, functionView(deployed));
  });

  return router;
}

/** Whether a function is one of this API: an image that runs once for each call. */
function isOurs({ ref, active, settings }: FunctionRecord): boolean {
  return (
    ref.namespace === DEFAULT_NAMESPACE &&
    active.source.type === 'image' &&
    settings.contract === 'go-serverless'
  );
}

function updated(known: (id: unknown) => FunctionRecord, id: unknown): FunctionRecord {
  try {
    return known(id);
  } catch (error) {
    if (!(error instanceof GlambdarError) || error.code !== 'FUNCTION_NOT_FOUND') throw error;
    throw new GlambdarError(
      'INVALID_REQUEST',
      'No function has this id; leave the id out to make a new function.',
    );
  }
}

/** An environment that is left out stays as it was. */
function environmentPatch(environment: unknown): { env?: unknown } {
  if (environment === undefined) return {};
  return { env: environment ?? {} };
}
