/**
 * Owns who sends a request while accounts are on: whoever its token or key says. A function never sees what proved its caller:
 * it is written by somebody whom the caller need not trust.
 */
import type { IncomingMessage } from 'node:http';
import type { Context, Middleware } from 'koa';
import type { Accounts } from '../../accounts/accounts.js';
import type { Authenticated } from '../../accounts/authentication.js';
import { KEY_PREFIX } from '../../accounts/key-text.js';
import { GlambdarError } from '../../errors.js';
import { ANONYMOUS, includesRole, type Principal } from '../../model/principal.js';
import type { AuditState } from '../requests/audited.js';
import { MISSING_CREDENTIALS, principalOf, type PrincipalState } from '../requests/principal.js';

/** The headers in which a token or a key may stand. */
const CREDENTIALS = ['authorization', 'x-api-key'];

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
    const second = secondCredential(ctx.req, header);
    if (second !== undefined)
      return Promise.all([found, accounts.authentication.authenticate(second.text)]).then(
        ([first, beside]) => {
          // A token is no less a secret for standing beside what counts.
          if (!('unproven' in beside)) dropHeader(ctx.req, second.header);
          return go(first);
        },
      );
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
  // A key that proves nothing here, or beside another proof, is a secret all the same.
  for (const name of CREDENTIALS)
    if (String(req.headers[name] ?? '').includes(KEY_PREFIX)) dropHeader(req, name);
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

/**
 * The header that holds a token or key, and what it holds: undefined when it has another form. `X-API-Key` counts before
 * `Authorization` when it holds a key of this server: a public function may have an `Authorization` of its own.
 */
function credentialOf({ headers }: IncomingMessage): { header?: string; text?: string } {
  const { authorization, 'x-api-key': apiKey } = headers;
  if (typeof apiKey === 'string' && (authorization === undefined || apiKey.startsWith(KEY_PREFIX)))
    return { header: 'x-api-key', text: apiKey };
  if (authorization === undefined) return {};
  const match = /^Bearer +(\S+)$/i.exec(authorization);
  return match === null ? { header: 'authorization' } : { header: 'authorization', text: match[1] as string };
}

/** What the other header holds, when one has been chosen. @param chosen the name of the header that counts */
function secondCredential(
  { headers }: IncomingMessage,
  chosen: string | undefined,
): { header: string; text: string } | undefined {
  const header = CREDENTIALS.find((name) => name !== chosen && headers[name] !== undefined);
  if (chosen === undefined || header === undefined) return undefined;
  const text = /^(?:Bearer +)?(\S+)$/i.exec(String(headers[header]))?.[1];
  return text === undefined ? undefined : { header, text };
}

/** Takes a header away, so that no function gets it. @param name in lower case */
function dropHeader(req: IncomingMessage, name: string): void {
  delete req.headers[name];
  const { rawHeaders } = req;
  for (let i = rawHeaders.length - 2; i >= 0; i -= 2)
    if (rawHeaders[i]?.length === name.length && rawHeaders[i]?.toLowerCase() === name)
      rawHeaders.splice(i, 2);
}

/** The same for a namespace that is not there and for one that is somebody else's. */
function noNamespace(): GlambdarError {
  return new GlambdarError('NOT_FOUND', 'There is no such namespace.');
}
