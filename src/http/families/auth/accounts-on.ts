/** Owns what `/auth/…` answers while there are no accounts. */
import type { Accounts } from '../../../accounts/accounts.js';
import { GlambdarError } from '../../../errors.js';

/** The accounts. Throws NOT_FOUND while they are off. */
export function accountsOn(accounts: Accounts | null): Accounts {
  if (accounts !== null) return accounts;
  throw new GlambdarError('NOT_FOUND', 'Accounts are off: start the server with GLAMBDAR_AUTH=on.');
}
