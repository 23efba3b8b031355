/** Owns the secrets of a function: naming, setting and removing them. No route shows a value. */
import Router from '@koa/router';
import type { Context } from 'koa';
import { GlambdarError } from '../../../errors.js';
import type { Registry } from '../../../registry/registry.js';
import type { SecretKeeper } from '../../../secrets/secrets.js';
import type { BodyBudget } from '../../answers/body-budget.js';
import { sendJson } from '../../answers/send-json.js';
import { needs } from '../../middleware/needs.js';
import { audited } from '../../requests/audited.js';
import { refOfRequest } from '../../requests/function-ref.js';
import { assertStillSender } from '../../requests/principal.js';
import { readBody } from '../../requests/request-body.js';

/** A value of the largest size may be six times as long in JSON. */
const MAX_BODY_BYTES = 128 * 1024;
/** The flow of these bodies in the budget. */
const FLOW = '\0secrets';

export interface SecretsRoutesDeps {
  registry: Registry;
  secrets: SecretKeeper;
  bodies: BodyBudget;
}

export function secretsRoutes({ registry, secrets, bodies }: SecretsRoutesDeps): Router {
  const router = new Router({ sensitive: true, strict: true });
  const path = '/functions/:name/secrets/:key';

  router.get('/functions/:name/secrets', needs('viewer'), (ctx) => {
    sendJson(ctx, 200, secrets.list(refOfRequest(ctx)));
  });

  router.put(path, needs('deployer'), async (ctx) => {
    const ref = refOfRequest(ctx);
    registry.get(ref); // an unknown function is refused before the body
    const key = ctx.params['key'] ?? '';
    await secrets.put(ref, key, await readValue(ctx, bodies));
    audited(ctx, 'secret.put', `${ref.name}/${key}`);
    ctx.status = 204;
  });

  router.delete(path, needs('deployer'), async (ctx) => {
    const ref = refOfRequest(ctx);
    const key = ctx.params['key'] ?? '';
    await secrets.remove(ref, key);
    audited(ctx, 'secret.delete', `${ref.name}/${key}`);
    ctx.status = 204;
  });

  return router;
}

/**
 * The value in the body: of JSON by its type, the member `value`; of any other type, the body's text as it is. Errors say
 * nothing of the body, not even where in it the mistake is: it may be the secret.
 */
async function readValue(ctx: Context, bodies: BodyBudget): Promise<string> {
  const { req, res } = ctx;
  if (ctx.is('multipart/form-data') !== false && ctx.is('multipart/form-data') !== null)
    throw new GlambdarError('UNSUPPORTED_MEDIA_TYPE', `A secret is no form. ${HOW}`);
  const encoding = req.headers['content-encoding'] ?? 'identity';
  if (encoding !== 'identity')
    throw new GlambdarError('UNSUPPORTED_MEDIA_TYPE', `Send the value without Content-Encoding. ${HOW}`);
  const body = await readBody(req, res, MAX_BODY_BYTES, bodies, FLOW);
  bodies.give(body.length, FLOW);
  await assertStillSender(ctx);
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(body);
  } catch {
    throw new GlambdarError('INVALID_REQUEST', `The value is not text in UTF-8. ${HOW}`);
  }
  return ctx.is('json', '+json') ? valueIn(text) : text;
}

const HOW = 'Send it as the body itself, or as {"value": "…"} with Content-Type: application/json.';

function valueIn(json: string): string {
  let parsed: unknown;
  try {
    parsed = JSON.parse(json);
  } catch {
    throw new GlambdarError('INVALID_REQUEST', `The body is not JSON. ${HOW}`);
  }
  const value =
    typeof parsed === 'object' && parsed !== null ? (parsed as { value?: unknown }).value : undefined;
  if (typeof value !== 'string')
    throw new GlambdarError('INVALID_REQUEST', `The body has no text "value". ${HOW}`);
  return value;
}
