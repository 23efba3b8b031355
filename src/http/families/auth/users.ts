/** Owns `/auth/users`: who has registered, what they may, and removing them. */
import Router from '@koa/router';
import type { Accounts } from '../../../accounts/accounts.js';
import { parseRole } from '../../../accounts/api-keys.js';
import type { UserPatch } from '../../../accounts/users.js';
import { GlambdarError } from '../../../errors.js';
import type { UserRecord } from '../../../model/account/account.js';
import type { Registry } from '../../../registry/registry.js';
import type { BodyBudget } from '../../answers/body-budget.js';
import { sendJson } from '../../answers/send-json.js';
import { needs } from '../../middleware/needs.js';
import { audited } from '../../requests/audited.js';
import { readJsonObject } from '../../requests/json-object.js';
import { principalOf } from '../../requests/principal.js';
import { accountsOn } from './accounts-on.js';

export interface UsersRoutesDeps {
  /** Null while accounts are off. */
  accounts: Accounts | null;
  registry: Pick<Registry, 'removeNamespace'>;
  bodies: BodyBudget;
}

export function usersRoutes({ accounts, registry, bodies }: UsersRoutesDeps): Router {
  const router = new Router({ sensitive: true, strict: true });

  router.get('/auth/users', needs('admin'), async (ctx) => {
    const users = await accountsOn(accounts).users.list();
    sendJson(ctx, 200, users.map(shown));
  });

  router.patch('/auth/users/:id', needs('admin'), async (ctx) => {
    const { users } = accountsOn(accounts);
    const id = ctx.params['id'] ?? '';
    const patch = parsePatch(await readJsonObject(ctx, bodies));
    const user = await users.change(id, patch);
    audited(ctx, 'user.change', id, { ...patch });
    sendJson(ctx, 200, shown(user));
  });

  router.delete('/auth/users/:id', needs('viewer'), async (ctx) => {
    const { users } = accountsOn(accounts);
    const id = ctx.params['id'] ?? '';
    const { kind, id: sender, role } = principalOf(ctx);
    const isSelf = kind === 'user' && sender === id;
    if (!isSelf && role !== 'admin')
      throw new GlambdarError(
        'FORBIDDEN',
        'Users remove themselves, after signing in; others need the role admin.',
      );
    // 1. Their tokens and keys are over before anything else goes. If the server ends from here on, its next start goes on.
    await users.remove(id);
    audited(ctx, 'user.delete', id);
    // 2. Their functions.
    const functions = await registry.removeNamespace(id, (name) =>
      audited(ctx, 'function.delete', `${id}/${name}`),
    );
    sendJson(ctx, 200, { deleted: id, functions });
  });

  return router;
}

function shown({ id, email, role, mayBridge, createdAt }: UserRecord): object {
  return { uuid: id, email, role, mayBridge, createdAt: new Date(createdAt).toISOString() };
}

function parsePatch(request: Record<string, unknown>): UserPatch {
  const { role, mayBridge, ...others } = request;
  const unknown = Object.keys(others)[0];
  if (unknown !== undefined)
    throw new GlambdarError(
      'INVALID_REQUEST',
      `${JSON.stringify(unknown.slice(0, 64))} is unknown; known are role, mayBridge.`,
    );
  if (mayBridge !== undefined && typeof mayBridge !== 'boolean')
    throw new GlambdarError('INVALID_REQUEST', '"mayBridge" must be true or false.');
  return {
    ...(role !== undefined && { role: parseRole(role) }),
    ...(mayBridge !== undefined && { mayBridge }),
  };
}
