/** Owns the versions of a function: listing them, going back to one, and getting the code of one. */
import Router from '@koa/router';
import type { Context } from 'koa';
import type { Deployments } from '../../../deploy/deployments.js';
import { GlambdarError } from '../../../errors.js';
import { printable } from '../../../model/printable.js';
import type { Registry } from '../../../registry/registry.js';
import type { BodyBudget } from '../../answers/body-budget.js';
import { sendJson } from '../../answers/send-json.js';
import { needs } from '../../middleware/needs.js';
import { audited } from '../../requests/audited.js';
import { refOfRequest } from '../../requests/function-ref.js';
import { readJsonObject } from '../../requests/json-object.js';
import { principalOf } from '../../requests/principal.js';

export interface VersionsRoutesDeps {
  registry: Registry;
  deployments: Deployments;
  bodies: BodyBudget;
}

export function versionsRoutes({ registry, deployments, bodies }: VersionsRoutesDeps): Router {
  const router = new Router({ sensitive: true, strict: true });

  router.get('/functions/:name/versions', needs('viewer'), async (ctx) => {
    sendJson(ctx, 200, await registry.versions(refOfRequest(ctx)));
  });

  router.post('/functions/:name/rollback', needs('deployer'), async (ctx) => {
    const ref = refOfRequest(ctx);
    registry.get(ref); // an unknown function is refused before the body
    const { version } = await readJsonObject(ctx, bodies);
    if (typeof version !== 'number' || !isVersion(version))
      throw new GlambdarError(
        'INVALID_REQUEST',
        'Send the version to go back to as {"version": 3}; GET …/versions lists those that are kept.',
      );
    const { digest } = await deployments.rollback(ref, version, principalOf(ctx));
    audited(ctx, 'function.rollback', ref.name, { version });
    sendJson(ctx, 200, { function: ref.name, status: 'deployed', version, digest });
  });

  router.get('/functions/:name/code', needs('deployer'), async (ctx) => {
    const ref = refOfRequest(ctx);
    const { version, stream } = await deployments.code(ref, versionOfQuery(ctx));
    ctx.set('Content-Type', 'application/zip');
    ctx.set('Content-Disposition', `attachment; filename="${ref.name}-v${version}.zip"`);
    ctx.set('Cache-Control', 'no-store');
    ctx.body = stream;
    // Koa does not read a body for HEAD, and a client may have gone before its answer begins.
    if (ctx.method === 'HEAD' || ctx.res.destroyed) stream.destroy();
  });

  return router;
}

function isVersion(version: number): boolean {
  return Number.isSafeInteger(version) && version >= 1;
}

/** Undefined when the query names no version. */
function versionOfQuery(ctx: Context): number | undefined {
  const given = new URLSearchParams(ctx.querystring).getAll('version');
  if (given.length === 0) return undefined;
  const [text = ''] = given;
  if (given.length > 1 || !/^\d{1,15}$/.test(text) || !isVersion(Number(text)))
    throw new GlambdarError(
      'INVALID_REQUEST',
      `"version" must be one version's number, not ${printable(text)}.`,
    );
  return Number(text);
}
