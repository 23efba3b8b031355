/**
 * Owns the interface to the stored users and API keys. The contract suite in `tests/unit/store/account-store-contract.ts`
 * tests every implementation.
 */
import type { KeyRecord, UserRecord } from '../model/account/account.js';

export type UserPatch = Partial<Pick<UserRecord, 'role' | 'mayBridge'>>;
export type KeyPatch = Partial<Pick<KeyRecord, 'name' | 'role' | 'functions' | 'expiresAt'>>;

/**
 * Every method rejects with `StoreError` when the medium fails, and after the store was closed. Methods marked *durable*
 * resolve only after the change would survive power loss. Records that are handed out are copies.
 */
export interface AccountStore {
  /** *Durable.* */
  addUser(user: UserRecord): Promise<'stored' | 'email-taken'>;
  user(id: string): Promise<UserRecord | undefined>;
  /** @param email normalised */
  userByEmail(email: string): Promise<UserRecord | undefined>;
  /** All users, the first registered first. */
  users(): Promise<UserRecord[]>;
  /** *Durable.* Undefined when there is no such user. */
  changeUser(id: string, patch: UserPatch): Promise<UserRecord | undefined>;
  /** *Durable.* Begins a new generation of the user's tokens. */
  endTokens(id: string): Promise<void>;
  /** *Durable.* Removes the user and all their keys, and notes the id. False when there is no such user. */
  removeUser(id: string): Promise<boolean>;
  /** The ids of all users that were removed: their namespaces must have no functions. */
  removedUsers(): Promise<string[]>;

  /**
   * *Durable.* Stores nothing when the key's user is gone, or has as many keys already as one may have.
   * @param most the most keys of one user, and of those that are nobody's
   */
  addKey(key: KeyRecord, most?: number): Promise<'stored' | 'no-user' | 'too-many'>;
  key(id: string): Promise<KeyRecord | undefined>;
  keyByDigest(digest: string): Promise<KeyRecord | undefined>;
  /** All keys, or those of a user, the first made first. */
  keys(userId?: string): Promise<KeyRecord[]>;
  /** *Durable.* Undefined when there is no such key. */
  changeKey(id: string, patch: KeyPatch): Promise<KeyRecord | undefined>;
  /** *Durable.* False when there is no such key. */
  removeKey(id: string): Promise<boolean>;
  /** Notes when keys were used last, by their ids. */
  touchKeys(usedAt: ReadonlyMap<string, number>): Promise<void>;

  /** Whether an admin could sign in: a user or a key without end has the role. */
  hasAdmin(): Promise<boolean>;
  /** *Durable.* Removes the admin keys that are nobody's, and adds this one in their place. */
  replaceServerKey(key: KeyRecord): Promise<void>;
}
