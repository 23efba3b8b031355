/** Owns listing, showing, changing and removing functions. */
import Router from '@koa/router';
import type { Context } from 'koa';
import { HttpMethodEnum, koaBody } from 'koa-body';
import { GlambdarError } from '../../../errors.js';
import type { Deployments } from '../../../deploy/deployments.js';
import { describeBytes } from '../../../model/byte-size.js';
import { JsonTextError, readJsonText } from '../../../model/json-text.js';
import type { FunctionMetadata } from '../../../registry/views/function-metadata.js';
import type { Registry } from '../../../registry/registry.js';
import { needs } from '../../middleware/needs.js';
import { audited } from '../../requests/audited.js';
import { refOfRequest } from '../../requests/function-ref.js';
import { assertStillSender, namespaceOf, principalOf } from '../../requests/principal.js';
import { acceptBody, hasBody } from '../../requests/request-body.js';
import type { PublicAddressOf } from '../../answers/public-address.js';
import { sendJson } from '../../answers/send-json.js';

const MAX_SETTINGS_BYTES = 256 * 1024;

export interface FunctionsRoutesDeps {
  registry: Registry;
  deployments: Deployments;
  publicAddress: PublicAddressOf;
}

export function functionsRoutes({ registry, deployments, publicAddress }: FunctionsRoutesDeps): Router {
  const router = new Router({ sensitive: true, strict: true });

  router.get('/info', needs('viewer'), (ctx) => {
    const functions = registry.list(namespaceOf(ctx)).map((one) => withPublicUrl(ctx, one));
    sendJson(ctx, 200, { count: functions.length, functions });
  });

  router.get('/info/:name', needs('viewer'), (ctx) => {
    sendJson(ctx, 200, withPublicUrl(ctx, registry.get(refOfRequest(ctx))));
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
      if (!hasBody(ctx.req)) throw notSettings('The body is empty.');
      // koa-body goes by the type. As in `readJsonObject`, any type will do: `curl -d` names that of a form.
      ctx.req.headers['content-type'] = 'application/json';
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
        throw unreadable(cause);
      },
    }),
    async (ctx) => {
      const ref = refOfRequest(ctx);
      const patch: unknown = ctx.request.body;
      if (typeof patch !== 'object' || patch === null || Array.isArray(patch))
        throw notSettings('The body is JSON, but no object.');
      await assertStillSender(ctx);
      const { changed, version } = await deployments.configure(ref, patch, principalOf(ctx));
      // Names only: the values of variables may be secrets.
      audited(ctx, 'function.configure', ref.name, { changed: Object.keys(changed).join(', ') });
      const { publicUrl, note } = publicAddress(ref, ctx.req.socket);
      sendJson(ctx, 200, {
        ...changed,
        function: ref.name,
        status: 'updated',
        version,
        ...(publicUrl !== undefined && { publicUrl }),
        // Told once, not at every change of another setting.
        ...(changed.public === true && note !== undefined && { notes: [note] }),
      });
    },
  );

  return router;

  function withPublicUrl(
    ctx: Pick<Context, 'state' | 'req'>,
    shown: FunctionMetadata,
  ): FunctionMetadata & { publicUrl?: string } {
    const { publicUrl } = publicAddress({ namespace: namespaceOf(ctx), name: shown.name }, ctx.req.socket);
    return publicUrl === undefined ? shown : { ...shown, publicUrl };
  }
}

/** The error of a body that koa-body could not read: too large, encoded in an unknown way, or no JSON. */
function unreadable(cause: Error & { status?: number; type?: string; body?: unknown }): GlambdarError {
  if (cause.status === 413)
    return new GlambdarError(
      'INVALID_REQUEST',
      `Settings may take ${describeBytes(MAX_SETTINGS_BYTES)}; these take more.`,
      {
        cause,
      },
    );
  // V8's own sentence quotes the text, in which there may be secret variables.
  if (typeof cause.body !== 'string') return notSettings('The body cannot be read.', cause);
  const fault = jsonFault(cause.body) ?? 'it is another kind of JSON';
  return notSettings(`The body is not a JSON object: ${fault}.`, cause);
}

/** Why a text is no JSON, or null when it is. */
function jsonFault(text: string): string | null {
  try {
    readJsonText(Buffer.from(text));
    return null;
  } catch (error) {
    if (error instanceof JsonTextError) return error.message;
    throw error;
  }
}

function notSettings(fault: string, cause?: unknown): GlambdarError {
  return new GlambdarError(
    'INVALID_REQUEST',
    `${fault} Send the settings as a JSON object, e.g. {"memoryMb":256}.`,
    { cause },
  );
}
