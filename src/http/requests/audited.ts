/** Owns telling the audit log what a request did. */
import type { Context } from 'koa';
import type { AuditTrail } from '../../accounts/audit-trail.js';
import type { AuditAction, AuditEntry } from '../../model/account/audit-record.js';
import { clientOf } from './client.js';
import { principalOf } from './principal.js';

/** The part of `ctx.state` with the audit log; there is none while accounts are off. */
export interface AuditState {
  audit?: AuditTrail;
}

/**
 * Notes what the sender of the request has done; to be called when it is done.
 * @param target the name or the id of what was acted on
 * @param detail what more is to be known; never the value of a secret
 */
export function audited(
  ctx: Context,
  action: AuditAction,
  target: string,
  detail?: AuditEntry['detail'],
): void {
  const { audit } = ctx.state as AuditState;
  if (audit === undefined) return;
  const principal = principalOf(ctx);
  const { kind, id, user, namespace } = principal;
  void audit.record({
    actor: { kind, id, ...(user !== undefined && { user }) },
    namespace,
    action,
    target,
    address: clientAddress(ctx),
    ...(detail !== undefined && { detail }),
  });
}

/** The client's address; empty when the connection is gone. */
export function clientAddress({ req }: Pick<Context, 'req'>): string {
  return clientOf(req).address ?? '';
}
