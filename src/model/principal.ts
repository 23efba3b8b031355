/** Owns who sends a request, and what each role may do. */
import { DEFAULT_NAMESPACE } from './function/ref.js';

/**
 * The roles, from the least to the most. Each may do what those before it may: a `viewer` reads functions, their settings and
 * their logs; an `invoker` calls functions, too; a `deployer` changes them; an `admin` does all of this in every namespace.
 */
export const ROLES = ['viewer', 'invoker', 'deployer', 'admin'] as const;

export type Role = (typeof ROLES)[number];

/** Who sends a request. Never changed in place. */
export interface Principal {
  /** `operator`: anybody, while accounts are off. `anonymous`: nobody who could be told apart, while accounts are on. */
  readonly kind: 'operator' | 'user' | 'key' | 'anonymous';
  /** The UUID of the user or of the key; else the name of the kind. */
  readonly id: string;
  /** The UUID of the user, who may have sent a key; absent for a key that is nobody's, and without a user. */
  readonly user?: string;
  /** The namespace that the request acts in. */
  readonly namespace: string;
  /** Null for `anonymous`, who may call public functions and nothing else. */
  readonly role: Role | null;
  /** The only functions that a key may call, and it may do nothing else; null: no such limit. */
  readonly functions: readonly string[] | null;
  /** Whether functions may get `network: "bridge"`. */
  readonly mayBridge: boolean;
}

/** The principal of every request while accounts are off. */
export const OPERATOR: Principal = {
  kind: 'operator',
  id: 'operator',
  namespace: DEFAULT_NAMESPACE,
  role: 'admin',
  functions: null,
  mayBridge: true,
};

/** The principal of a request that proves nothing, while accounts are on. */
export const ANONYMOUS: Principal = {
  kind: 'anonymous',
  id: 'anonymous',
  namespace: DEFAULT_NAMESPACE,
  role: null,
  functions: null,
  mayBridge: false,
};

/** Whether a role may do what needs another one. */
export function includesRole(role: Role | null, needed: Role): boolean {
  return role !== null && ROLES.indexOf(role) >= ROLES.indexOf(needed);
}
