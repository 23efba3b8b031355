/** Owns listing, showing, changing and removing functions. */
import Router from '@koa/router';
import { HttpMethodEnum, koaBody } from 'koa-body';
import { GlambdarError } from '../../../errors.js';
import type { Registry } from '../../../registry/registry.js';
import { functionNameParam } from '../../requests/function-name-param.js';
import { acceptBody, hasBody } from '../../requests/request-body.js';
import { sendJson } from '../../answers/send-json.js';

const MAX_SETTINGS_BYTES = 256 * 1024;

export interface FunctionsRoutesDeps {
  registry: Registry;
}

export function functionsRoutes({ registry }: FunctionsRoutesDeps): Router {
  const router = new Router({ sensitive: true, strict: true });

  router.get('/info', (ctx) => {
    const functions = registry.list();
    sendJson(ctx, 200, { count: functions.length, functions });
  });

  router.get('/info/:name', (ctx) => {
    sendJson(ctx, 200, registry.get(functionNameParam(ctx.params['name'])));
  });

  router.delete('/del/:name', async (ctx) => {
    const name = functionNameParam(ctx.params['name']);
    await registry.remove(name);
    sendJson(ctx, 200, { deleted: name });
  });

  router.post(
    '/config/:name',
    (ctx, next) => {
      // Unknown functions are told so before the body; then a client that waits may send it.
      registry.get(functionNameParam(ctx.params['name']));
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
      const name = functionNameParam(ctx.params['name']);
      const patch: unknown = ctx.request.body;
      if (typeof patch !== 'object' || patch === null || Array.isArray(patch)) throw notSettings();
      const changed = await registry.configure(name, patch);
      sendJson(ctx, 200, { ...changed, function: name, status: 'updated' });
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
