/** Owns `/v1/functions`: images that run once for each call, registered, listed, pulled again and deleted. */
import Router from '@koa/router';
import type { Context } from 'koa';
import type { Deployments } from '../../../deploy/deployments.js';
import { GlambdarError } from '../../../errors.js';
import { parseFunctionName } from '../../../model/function/function-name.js';
import type { FunctionRecord } from '../../../model/function/function.js';
import { createFunctionId } from '../../../model/function/id.js';
import type { Registry } from '../../../registry/registry.js';
import type { Routes } from '../../../registry/routes.js';
import type { BodyBudget } from '../../answers/body-budget.js';
import { whileClientWaits } from '../../calls/client-gone.js';
import { needs } from '../../middleware/needs.js';
import { audited } from '../../requests/audited.js';
import { assertStillSender, namespaceOf } from '../../requests/principal.js';
import { functionView } from './function-view.js';
import { sendData } from './go-serverless-envelope.js';
import { idParam } from './id-param.js';
import { readJsonObject } from '../../requests/json-object.js';

export interface ImageFunctionsDeps {
  registry: Registry;
  deployments: Deployments;
  routes: Routes;
  bodies: BodyBudget;
}

export function functionsRoutes({ registry, deployments, routes, bodies }: ImageFunctionsDeps): Router {
  const router = new Router({ sensitive: true, strict: true });

  /** Throws INVALID_REQUEST for what is no id, FUNCTION_NOT_FOUND when no function of this API has the id. */
  const known = (ctx: Context, id: unknown): FunctionRecord => {
    const found = registry.byId(idParam(id));
    if (found === undefined || !isOurs(found, namespaceOf(ctx)))
      throw new GlambdarError('FUNCTION_NOT_FOUND', 'No function has this id.');
    return found;
  };

  router.get('/v1/functions', needs('viewer'), (ctx) => {
    const namespace = namespaceOf(ctx);
    const records = registry.records().filter((record) => isOurs(record, namespace));
    sendData(ctx, 200, records.map(functionView));
  });

  router.post('/v1/functions', needs('deployer'), async (ctx) => {
    const { image, environment, id, name } = await readJsonObject(ctx, bodies);
    if (typeof image !== 'string' || image === '')
      throw new GlambdarError(
        'INVALID_REQUEST',
        'image is missing; name an image, such as "ghcr.io/owner/name:tag".',
      );
    const before = id === undefined || id === '' ? undefined : updated(() => known(ctx, id));
    const newId = createFunctionId();
    const ref = before?.ref ?? {
      namespace: namespaceOf(ctx),
      name: name === undefined ? newId : parseFunctionName(name),
    };
    const deploying = deployments.deployImage({
      ref,
      image,
      settings: { contract: 'go-serverless', ...environmentPatch(environment, before) },
      ...(before === undefined && { id: newId }),
      assertAllowed: () => assertStillSender(ctx),
    });
    const deployed = await whileClientWaits(ctx.req.socket, deploying);
    noteDeploy(ctx, deployed);
    sendData(ctx, 201, functionView(deployed));
  });

  router.get('/v1/functions/:id', needs('viewer'), (ctx) => {
    sendData(ctx, 200, functionView(known(ctx, ctx.params['id'])));
  });

  router.delete('/v1/functions/:id', needs('deployer'), async (ctx) => {
    const found = known(ctx, ctx.params['id']);
    await routes.assertUnrouted(found.id);
    await registry.remove(found.ref);
    audited(ctx, 'function.delete', found.ref.name);
    sendData(ctx, 200, functionView(found));
  });

  router.post('/v1/functions/:id/pull', needs('deployer'), async (ctx) => {
    const { ref, active } = known(ctx, ctx.params['id']);
    const image = active.source.type === 'image' ? active.source.image : null;
    const deploying = deployments.deployImage({
      ref,
      image,
      settings: {},
      pull: 'always',
      assertAllowed: () => assertStillSender(ctx),
    });
    const deployed = await whileClientWaits(ctx.req.socket, deploying);
    noteDeploy(ctx, deployed);
    sendData(ctx, 200, functionView(deployed));
  });

  return router;
}

function noteDeploy(ctx: Context, { ref, active }: FunctionRecord): void {
  audited(ctx, 'function.deploy', ref.name, { version: active.version });
}

/** Whether a function is one of this API, in a namespace: an image that runs once for each call. */
function isOurs({ ref, active, settings }: FunctionRecord, namespace: string): boolean {
  return (
    ref.namespace === namespace && active.source.type === 'image' && settings.contract === 'go-serverless'
  );
}

function updated(known: () => FunctionRecord): FunctionRecord {
  try {
    return known();
  } catch (error) {
    if (!(error instanceof GlambdarError) || error.code !== 'FUNCTION_NOT_FOUND') throw error;
    throw new GlambdarError(
      'INVALID_REQUEST',
      'No function has this id; leave the id out to make a new function.',
    );
  }
}

/** An environment that is left out stays as it was; any other replaces the environment before as a whole. */
function environmentPatch(environment: unknown, before: FunctionRecord | undefined): { env?: unknown } {
  if (environment === undefined) return {};
  if (environment !== null && (typeof environment !== 'object' || Array.isArray(environment)))
    return { env: environment }; // refused with the other settings
  const gone = Object.keys(before?.settings.env ?? {}).map((name) => [name, null] as const);
  return { env: { ...Object.fromEntries(gone), ...environment } };
}
