/** Owns the shapes of what an account consists of: a user and API keys. Times are epoch milliseconds. */
import type { Role } from '../principal.js';

export interface UserRecord {
  /** A UUID in lower case; the user's namespace has the same name. */
  id: string;
  /** Normalised: see `normalEmail`. No two users have the same. */
  email: string;
  /** See `accounts/passwords.ts`. */
  passwordHash: string;
  role: Role;
  /** Whether an admin allowed the user's functions to have `network: "bridge"`. */
  mayBridge: boolean;
  /** Tokens of an earlier generation are over: signing out begins a new one. */
  generation: number;
  createdAt: number;
}

export interface KeyRecord {
  /** A UUID in lower case. */
  id: string;
  name: string;
  /** SHA-256 of the key, in hex. The key itself is kept nowhere. */
  digest: string;
  /** Whose key it is: it goes with the user, and does no more than the user may. Null: the server's own, made on its machine. */
  userId: string | null;
  /** The namespace that the key acts in. */
  namespace: string;
  role: Role;
  /** The only functions that the key may call, and it may do nothing else; null: no such limit. */
  functions: string[] | null;
  expiresAt: number | null;
  createdAt: number;
  /** Written with some delay. Null: never used. */
  lastUsedAt: number | null;
}
