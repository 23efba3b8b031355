/** Owns who sent a request, as its routes ask for it. A middleware sets it once, before all routes. */
import type { Context } from 'koa';
import { GlambdarError } from '../../errors.js';
import { includesRole, ROLES, type Principal, type Role } from '../../model/principal.js';
import { functionNotFound } from './function-name-param.js';

/** The part of `ctx.state` that says who sent the request. */
export interface PrincipalState {
  principal?: Principal;
  /** Why an anonymous request is not anybody's, for the 401 of a route that needs a role. */
  unproven?: string;
  /** Calls back once when the sender may no longer act as they did. The returned function ends the watch. */
  watch?: (lost: () => void) => () => void;
  /** Rejects when the sender may no longer act as they did when the request came. */
  still?: () => Promise<void>;
}

/** What a request without a token or key is told. */
export const MISSING_CREDENTIALS = 'Missing authorization header';

/** Who sent the request. Throws an Error when no middleware has set it: a request must never pass for want of one. */
export function principalOf(ctx: Pick<Context, 'state'>): Principal {
  const { principal } = ctx.state as PrincipalState;
  if (principal === undefined) throw new Error('No middleware has set the principal of this request.');
  return principal;
}

/**
 * For an answer that goes on: calls back once when the sender's token or key is over, or proves less than it did. The returned
 * function ends the watch.
 */
export function onSenderLost(ctx: Pick<Context, 'state'>, lost: () => void): () => void {
  return (ctx.state as PrincipalState).watch?.(lost) ?? (() => undefined);
}

/**
 * To be called when something that took time is over, such as the arrival of a body, and what the request asks for is about to be
 * done: an account that has ended meanwhile must not be able to do it. Rejects with UNAUTHENTICATED when the token or key is over,
 * FORBIDDEN when it proves less than it did.
 */
export async function assertStillSender(ctx: Pick<Context, 'state'>): Promise<void> {
  await (ctx.state as PrincipalState).still?.();
}

/** The namespace that the request acts in. */
export function namespaceOf(ctx: Pick<Context, 'state'>): string {
  return principalOf(ctx).namespace;
}

/**
 * Throws UNAUTHENTICATED when the request proves nothing, FORBIDDEN when its sender's role may not do what needs the role,
 * or when its key is limited to calls.
 */
export function assertRole(ctx: Pick<Context, 'state'>, needed: Role): void {
  const { role, functions } = principalOf(ctx);
  if (role === null) {
    throw new GlambdarError('UNAUTHENTICATED', (ctx.state as PrincipalState).unproven ?? MISSING_CREDENTIALS);
  }
  if (!includesRole(role, needed)) {
    const may = ROLES.slice(ROLES.indexOf(needed)).join(' or ');
    throw new GlambdarError('FORBIDDEN', `This needs the role ${may}; yours is ${role}.`);
  }
  if (functions !== null && needed !== 'invoker') {
    throw new GlambdarError(
      'FORBIDDEN',
      `This needs the role ${needed}; your key may call ${functions.join(', ')} and do nothing else.`,
    );
  }
}

/**
 * For every route that calls a function by its name: throws what `assertRole` throws, and FUNCTION_NOT_FOUND when a key is
 * limited to other functions.
 * @param isPublic whether anybody may call the function; asked only when the sender may not
 */
export function assertMayCall(
  ctx: Pick<Context, 'state'>,
  name: string,
  isPublic: () => boolean = () => false,
): void {
  const { role, functions } = principalOf(ctx);
  if (includesRole(role, 'invoker') && (functions === null || functions.includes(name))) return;
  if (isPublic()) return;
  assertRole(ctx, 'invoker');
  throw functionNotFound();
}
