/** Owns `/auth/keys`: making, showing, changing and ending API keys. A key itself is shown once, when it is made. */
import Router from '@koa/router';
import type { Accounts } from '../../../accounts/accounts.js';
import type { KeyRecord } from '../../../model/account/account.js';
import type { BodyBudget } from '../../answers/body-budget.js';
import { sendJson } from '../../answers/send-json.js';
import { needs } from '../../middleware/needs.js';
import { audited } from '../../requests/audited.js';
import { readJsonObject } from '../../requests/json-object.js';
import { principalOf } from '../../requests/principal.js';
import { accountsOn } from './accounts-on.js';

export interface KeysRoutesDeps {
  /** Null while accounts are off. */
  accounts: Accounts | null;
  bodies: BodyBudget;
}

export function keysRoutes({ accounts, bodies }: KeysRoutesDeps): Router {
  const router = new Router({ sensitive: true, strict: true });

  router.post('/auth/keys', needs('viewer'), async (ctx) => {
    const { keys } = accountsOn(accounts);
    const { text, record } = await keys.create(principalOf(ctx), await readJsonObject(ctx, bodies));
    audited(ctx, 'key.create', record.id, { name: record.name, role: record.role });
    sendJson(ctx, 201, { key: text, ...shown(record) });
  });

  router.get('/auth/keys', needs('viewer'), async (ctx) => {
    const list = await accountsOn(accounts).keys.list(principalOf(ctx));
    sendJson(ctx, 200, list.map(shown));
  });

  router.patch('/auth/keys/:id', needs('viewer'), async (ctx) => {
    const { keys } = accountsOn(accounts);
    const request = await readJsonObject(ctx, bodies);
    const record = await keys.change(principalOf(ctx), ctx.params['id'] ?? '', request);
    audited(ctx, 'key.change', record.id, { name: record.name, role: record.role });
    sendJson(ctx, 200, shown(record));
  });

  router.delete('/auth/keys/:id', needs('viewer'), async (ctx) => {
    const { keys } = accountsOn(accounts);
    const record = await keys.remove(principalOf(ctx), ctx.params['id'] ?? '');
    audited(ctx, 'key.delete', record.id, { name: record.name });
    sendJson(ctx, 200, { deleted: record.id });
  });

  return router;
}

function shown(record: KeyRecord): object {
  const { id, name, role, namespace, functions, userId, createdAt, expiresAt, lastUsedAt } = record;
  return {
    id,
    name,
    role,
    namespace,
    scopes: functions?.map((name) => `invoke:${name}`) ?? null,
    user: userId,
    createdAt: timeOf(createdAt),
    expiresAt: timeOf(expiresAt),
    lastUsedAt: timeOf(lastUsedAt),
  };
}

function timeOf(at: number | null): string | null {
  return at === null ? null : new Date(at).toISOString();
}
