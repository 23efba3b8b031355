/** Owns the shape of a line of the audit log: who did what, when, from where. Never holds the value of a secret. */
import type { Principal } from '../principal.js';

/** What can be on record. */
export const AUDIT_ACTIONS = [
  'sign-in',
  'sign-in.failed',
  'sign-out',
  'user.register',
  'user.change',
  'user.delete',
  'key.create',
  'key.change',
  'key.delete',
  'function.deploy',
  'function.configure',
  'function.delete',
  'function.rollback',
  'route.create',
  'route.change',
  'route.delete',
  'secret.put',
  'secret.delete',
] as const;

export type AuditAction = (typeof AUDIT_ACTIONS)[number];

/** What is told to the audit log; the time is added. */
export interface AuditEntry {
  actor: Pick<Principal, 'kind' | 'id' | 'user'>;
  /** The namespace that was acted in. */
  namespace: string;
  action: AuditAction;
  /** The name or the id of what was acted on. */
  target: string;
  /** The address of the client, which may be a proxy's; null when the action came from this machine itself. */
  address: string | null;
  /** What more is to be known, e.g. `{ version: 3 }`. */
  detail?: Record<string, string | number | boolean | null>;
}

/** A line as it is kept. */
export interface AuditRecord extends AuditEntry {
  /** Grows with every line. */
  id: number;
  /** Epoch milliseconds. */
  at: number;
}
