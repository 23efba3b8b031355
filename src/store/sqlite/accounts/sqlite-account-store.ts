/** Owns the store of users and API keys on SQLite: tables beside the functions, in `glambdar.db`. */
import type { KeyRecord, UserRecord } from '../../../model/account/account.js';
import type { AccountStore, KeyPatch, UserPatch } from '../../account-store.js';
import type { AccountTable } from './account-table.js';

/** Runs work on the tables, and turns SQLite's errors into `StoreError`. */
export type OnAccounts = <T>(work: (accounts: AccountTable) => T) => T;

export class SqliteAccountStore implements AccountStore {
  readonly #on: OnAccounts;

  constructor(on: OnAccounts) {
    this.#on = on;
  }

  async addUser(user: UserRecord): Promise<'stored' | 'email-taken'> {
    return this.#on((accounts) => accounts.addUser(user));
  }

  async user(id: string): Promise<UserRecord | undefined> {
    return this.#on((accounts) => accounts.user(id));
  }

  async userByEmail(email: string): Promise<UserRecord | undefined> {
    return this.#on((accounts) => accounts.userByEmail(email));
  }

  async users(): Promise<UserRecord[]> {
    return this.#on((accounts) => accounts.users());
  }

  async changeUser(id: string, patch: UserPatch): Promise<UserRecord | undefined> {
    return this.#on((accounts) => accounts.changeUser(id, patch));
  }

  async endTokens(id: string): Promise<void> {
    this.#on((accounts) => accounts.endTokens(id));
  }

  async removeUser(id: string): Promise<boolean> {
    return this.#on((accounts) => accounts.removeUser(id));
  }

  async removedUsers(): Promise<string[]> {
    return this.#on((accounts) => accounts.removedUsers());
  }

  async addKey(key: KeyRecord, most?: number): ReturnType<AccountStore['addKey']> {
    return this.#on((accounts) => accounts.addKey(key, most));
  }

  async key(id: string): Promise<KeyRecord | undefined> {
    return this.#on((accounts) => accounts.key(id));
  }

  async keyByDigest(digest: string): Promise<KeyRecord | undefined> {
    return this.#on((accounts) => accounts.keyByDigest(digest));
  }

  async keys(userId?: string): Promise<KeyRecord[]> {
    return this.#on((accounts) => accounts.keys(userId));
  }

  async changeKey(id: string, patch: KeyPatch): Promise<KeyRecord | undefined> {
    return this.#on((accounts) => accounts.changeKey(id, patch));
  }

  async removeKey(id: string): Promise<boolean> {
    return this.#on((accounts) => accounts.removeKey(id));
  }

  async touchKeys(usedAt: ReadonlyMap<string, number>): Promise<void> {
    this.#on((accounts) => accounts.touchKeys(usedAt));
  }

  async hasAdmin(): Promise<boolean> {
    return this.#on((accounts) => accounts.hasAdmin());
  }

  async replaceServerKey(key: KeyRecord): Promise<void> {
    this.#on((accounts) => accounts.replaceServerKey(key));
  }
}
