/** Owns who sends a request while accounts are on: whoever its token or key says. */
import type { Context, Middleware } from 'koa';
import type { Accounts } from '../../accounts/accounts.js';
import type { Authenticated } from '../../accounts/authentication.js';
import { GlambdarError } from '../../errors.js';
import { ANONYMOUS, includesRole, type Principal } from '../../model/principal.js';
import type { AuditState } from '../requests/audited.js';
import { credentialOf, dropHeader, withholdCredentials } from '../requests/credentials.js';
import { MISSING_CREDENTIALS, principalOf, type PrincipalState } from '../requests/principal.js';

/** By this header an admin chooses the namespace to act in; by default it is their own. */
const NAMESPACE_HEADER = 'x-glambdar-namespace';

export interface PrincipalsOptions {
  accounts: Accounts;
  /** Whether there is a namespace: the default one, a user's, or one with functions. */
  hasNamespace: (namespace: string) => Promise<boolean>;
}

/** Puts the principal on `ctx.state`, without waiting when the token or key was verified a moment ago. */
export function principals({ accounts, hasNamespace }: PrincipalsOptions): Middleware {
  return (ctx, next) => {
    (ctx.state as AuditState).audit = accounts.audit;
    const { header, text } = credentialOf(ctx.req);
    // A token is no less a secret for standing beside what counts.
    const withheld = withholdCredentials(
      ctx.req,
      accounts.authentication,
      text === undefined ? undefined : header,
    );
    const found: Authenticated | Promise<Authenticated> =
      text === undefined
        ? { unproven: header === undefined ? MISSING_CREDENTIALS : 'Invalid authorization header format' }
        : accounts.authentication.authenticate(text);
    const go = (authenticated: Authenticated): Promise<void> => {
      const entered = enter(ctx, header, authenticated, hasNamespace);
      if (text !== undefined && !('unproven' in authenticated)) {
        const state = ctx.state as PrincipalState;
        state.watch = (lost) =>
          accounts.authentication.watch(text, (now) => mayAct(now, principalOf(ctx)), lost);
        state.still = async () =>
          assertMayAct(await accounts.authentication.authenticate(text), principalOf(ctx));
      }
      return entered === undefined ? (next() as Promise<void>) : entered.then(next);
    };
    if (withheld !== undefined) return Promise.all([found, withheld]).then(([first]) => go(first));
    return found instanceof Promise ? found.then(go) : go(found);
  };
}

/** @param header the name of the header with the token or key, if there is one */
function enter(
  ctx: Context,
  header: string | undefined,
  found: Authenticated,
  hasNamespace: PrincipalsOptions['hasNamespace'],
): Promise<void> | undefined {
  const state = ctx.state as PrincipalState;
  const { req } = ctx;
  let principal: Principal = ANONYMOUS;
  if ('unproven' in found) state.unproven = found.unproven;
  else {
    principal = found;
    if (header !== undefined) dropHeader(req, header);
  }
  state.principal = principal;
  const chosen = req.headers[NAMESPACE_HEADER];
  if (chosen === undefined) return undefined;
  dropHeader(req, NAMESPACE_HEADER);
  if (chosen === principal.namespace) return undefined;
  const { role, functions } = principal;
  if (role !== 'admin' || functions !== null || typeof chosen !== 'string') throw noNamespace();
  return hasNamespace(chosen).then((exists) => {
    if (!exists) throw noNamespace();
    state.principal = { ...principal, namespace: chosen };
  });
}

/** Whether what a token or key proves now is enough for what was let in with it. */
function mayAct(now: Authenticated, then: Principal): boolean {
  if ('unproven' in now) return false;
  const isThere = now.namespace === then.namespace || now.role === 'admin';
  // A key that has been limited to functions may call those and do nothing else.
  const isNotLess = now.functions === null || then.functions !== null;
  return isThere && isNotLess && includesRole(now.role, then.role ?? 'viewer');
}

/** Throws UNAUTHENTICATED or FORBIDDEN when what a token or key proves now is not enough for what was let in with it. */
function assertMayAct(now: Authenticated, then: Principal): void {
  if ('unproven' in now) throw new GlambdarError('UNAUTHENTICATED', now.unproven);
  if (mayAct(now, then) && (now.mayBridge || !then.mayBridge)) return;
  throw new GlambdarError('FORBIDDEN', 'What you may do was changed while this request was under way.');
}

/** The same for a namespace that is not there and for one that is somebody else's. */
function noNamespace(): GlambdarError {
  return new GlambdarError('NOT_FOUND', 'There is no such namespace.');
}
