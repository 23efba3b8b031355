/** Owns listing, showing, changing and removing functions. */
import Router from '@koa/router';
import { HttpMethodEnum, koaBody } from 'koa-body';
import { GlambdarError } from '../../../errors.js';
import type { Deployments } from '../../../deploy/deployments.js';
import type { Registry } from '../../../registry/registry.js';
import { needs } from '../../middleware/needs.js';
import { audited } from '../../requests/audited.js';
import { refOfRequest } from '../../requests/function-ref.js';
import { namespaceOf, principalOf } from '../../requests/principal.js';
import { acceptBody, hasBody } from '../../requests/request-body.js';
import { sendJson } from '../../answers/send-json.js';

const MAX_SETTINGS_BYTES = 256 * 1024;

export interface FunctionsRoutesDeps {
  registry: Registry;
  deployments: Deployments;
}

export function functionsRoutes({ registry, deployments }: FunctionsRoutesDeps): Router {
  const router = new Router({ sensitive: true, strict: true });

  router.get('/info', needs('viewer'), (ctx) => {
    const functions = registry.list(namespaceOf(ctx));
    sendJson(ctx, 200, { count: functions.length, functions });
  });

  router.get('/info/:name', needs('viewer'), (ctx) => {
    sendJson(ctx, 200, registry.get(refOfRequest(ctx)));
  });

  router.delete('/del/:name', needs('deployer'), async (ctx) => {
    const ref = refOfRequest(ctx);
    await registry.remove(ref);
    audited(ctx, 'function.delete', ref.name);
    sendJson(ctx, 200, { deleted: ref.name });
  });

  router.post(
    '/config/:name',
    needs('deployer'),
    (ctx, next) => {
      // An unknown function is refused before the body; then a client that waits for `100 Continue` may send it.
      registry.get(refOfRequest(ctx));
      // koa-body would take a missing body for `{}`.
      if (!hasBody(ctx.req)) throw notSettings();
      acceptBody(ctx.req, ctx.res);
      return next();
    },
    koaBody({
      jsonStrict: true,
      jsonLimit: MAX_SETTINGS_BYTES,
      text: false,
      urlencoded: false,
      multipart: false,
      parsedMethods: [HttpMethodEnum.POST],
      onError: (cause) => {
        throw notSettings(cause);
      },
    }),
    async (ctx) => {
      const ref = refOfRequest(ctx);
      const patch: unknown = ctx.request.body;
      if (typeof patch !== 'object' || patch === null || Array.isArray(patch)) throw notSettings();
      const changed = await deployments.configure(ref, patch, principalOf(ctx));
      // Names only: the values of variables may be secrets.
      audited(ctx, 'function.configure', ref.name, { changed: Object.keys(changed).join(', ') });
      sendJson(ctx, 200, { ...changed, function: ref.name, status: 'updated' });
    },
  );

  return router;
}

function notSettings(cause?: unknown): GlambdarError {
  return new GlambdarError(
    'INVALID_REQUEST',
    `Send the settings as a JSON object of at most ${MAX_SETTINGS_BYTES} bytes with Content-Type: application/json.`,
    { cause },
  );
}
