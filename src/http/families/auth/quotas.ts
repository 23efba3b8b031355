/** Owns `/auth/quotas`: what namespaces may take of the server, and what they take now. */
import Router from '@koa/router';
import type { Quotas } from '../../../accounts/quotas.js';
import { GlambdarError } from '../../../errors.js';
import { isFunctionName } from '../../../model/function/function-name.js';
import type { BodyBudget } from '../../answers/body-budget.js';
import { sendJson } from '../../answers/send-json.js';
import { needs } from '../../middleware/needs.js';
import { audited } from '../../requests/audited.js';
import { readJsonObject } from '../../requests/json-object.js';
import { namespaceOf } from '../../requests/principal.js';

export interface QuotasRoutesDeps {
  quotas: Quotas;
  /** What a namespace takes now. */
  usage: (namespace: string) => { functions: number; bundleBytes: number; concurrentCalls: number };
  bodies: BodyBudget;
}

export function quotasRoutes({ quotas, usage, bodies }: QuotasRoutesDeps): Router {
  const router = new Router({ sensitive: true, strict: true });

  router.get('/auth/quota', needs('viewer'), (ctx) => {
    const namespace = namespaceOf(ctx);
    sendJson(ctx, 200, { namespace, quota: quotas.of(namespace), used: usage(namespace) });
  });

  router.get('/auth/quotas', needs('admin'), (ctx) => {
    sendJson(ctx, 200, { standard: quotas.standard, namespaces: Object.fromEntries(quotas.list()) });
  });

  router.put('/auth/quotas/:namespace', needs('admin'), async (ctx) => {
    const namespace = namespaceParam(ctx.params['namespace']);
    const patch = await readJsonObject(ctx, bodies);
    const quota = await quotas.change(namespace, patch);
    audited(ctx, 'quota.change', namespace, { quota: JSON.stringify(patch) });
    sendJson(ctx, 200, { namespace, quota });
  });

  router.delete('/auth/quotas/:namespace', needs('admin'), async (ctx) => {
    const namespace = namespaceParam(ctx.params['namespace']);
    await quotas.reset(namespace);
    audited(ctx, 'quota.change', namespace, { quota: 'the standard one' });
    sendJson(ctx, 200, { namespace, quota: quotas.of(namespace) });
  });

  return router;
}

/** A namespace's name follows the rule of functions' names. It need not have anything yet. */
function namespaceParam(namespace = ''): string {
  if (isFunctionName(namespace)) return namespace;
  throw new GlambdarError('NOT_FOUND', 'There is no such namespace.');
}
