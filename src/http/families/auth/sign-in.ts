/** Owns registering, signing in and out, and telling somebody who they are. */
import Router from '@koa/router';
import type { Accounts } from '../../../accounts/accounts.js';
import type { SignedIn } from '../../../accounts/users.js';
import { GlambdarError } from '../../../errors.js';
import type { BodyBudget } from '../../answers/body-budget.js';
import { sendJson } from '../../answers/send-json.js';
import { needs } from '../../middleware/needs.js';
import { audited, clientAddress } from '../../requests/audited.js';
import { readJsonObject } from '../../requests/json-object.js';
import { principalOf } from '../../requests/principal.js';
import { accountsOn } from './accounts-on.js';

export interface SignInDeps {
  /** Null while accounts are off. */
  accounts: Accounts | null;
  bodies: BodyBudget;
}

export function signInRoutes({ accounts, bodies }: SignInDeps): Router {
  const router = new Router({ sensitive: true, strict: true });

  router.post('/auth/register', needs('open'), async (ctx) => {
    const { users } = accountsOn(accounts);
    const { email, password } = await readJsonObject(ctx, bodies);
    sendJson(ctx, 201, shown(await users.register(email, password, clientAddress(ctx))));
  });

  router.post('/auth/login', needs('open'), async (ctx) => {
    const { users } = accountsOn(accounts);
    const { email, password } = await readJsonObject(ctx, bodies);
    sendJson(ctx, 200, shown(await users.signIn(email, password, clientAddress(ctx))));
  });

  router.post('/auth/logout', needs('viewer'), async (ctx) => {
    const { users } = accountsOn(accounts);
    const { kind, id } = principalOf(ctx);
    if (kind !== 'user')
      throw new GlambdarError(
        'FORBIDDEN',
        'A key is ended with DELETE /auth/keys/<id>; only users sign out.',
      );
    await users.signOut(id);
    audited(ctx, 'sign-out', id);
    sendJson(ctx, 200, { status: 'signed out' });
  });

  router.get('/auth/me', needs('viewer'), async (ctx) => {
    const { users } = accountsOn(accounts);
    const { kind, id, user, namespace, role, mayBridge } = principalOf(ctx);
    const record = user === undefined ? undefined : await users.find(user);
    sendJson(ctx, 200, { kind, id, namespace, role, mayBridge, email: record?.email ?? null });
  });

  return router;
}

function shown({ token, user }: SignedIn): object {
  return { token, user: { uuid: user.id, email: user.email } };
}
