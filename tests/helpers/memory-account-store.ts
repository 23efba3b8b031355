/** Owns a store of users and keys in memory for unit tests of what uses one; it passes the contract suite of `AccountStore`. */
import type { KeyRecord, UserRecord } from '../../src/model/account/account.js';
import type { StoreError } from '../../src/model/store-error.js';
import type { AccountStore, KeyPatch, UserPatch } from '../../src/store/account-store.js';

export class MemoryAccountStore implements AccountStore {
  /** Set to make every method reject with it. */
  failure: StoreError | undefined;
  readonly #users = new Map<string, UserRecord>();
  readonly #removed: string[] = [];
  readonly #keys = new Map<string, KeyRecord>();

  async addUser(user: UserRecord): Promise<'stored' | 'email-taken'> {
    if ((await this.userByEmail(user.email)) !== undefined) return 'email-taken';
    this.#users.set(user.id, structuredClone(user));
    return 'stored';
  }

  async user(id: string): Promise<UserRecord | undefined> {
    this.#check();
    return structuredClone(this.#users.get(id));
  }

  async userByEmail(email: string): Promise<UserRecord | undefined> {
    return (await this.users()).find((user) => user.email === email);
  }

  async users(): Promise<UserRecord[]> {
    this.#check();
    return structuredClone([...this.#users.values()]).sort((a, b) => a.createdAt - b.createdAt);
  }

  async changeUser(id: string, patch: UserPatch): Promise<UserRecord | undefined> {
    const user = await this.user(id);
    if (user !== undefined) this.#users.set(id, { ...user, ...patch });
    return this.user(id);
  }

  async endTokens(id: string): Promise<void> {
    const user = await this.user(id);
    if (user !== undefined) this.#users.set(id, { ...user, generation: user.generation + 1 });
  }

  async removeUser(id: string): Promise<boolean> {
    for (const key of await this.keys(id)) this.#keys.delete(key.id);
    if (!this.#users.delete(id)) return false;
    this.#removed.push(id);
    return true;
  }

  async removedUsers(): Promise<string[]> {
    this.#check();
    return [...this.#removed];
  }

  async addKey(key: KeyRecord, most = Infinity): Promise<'stored' | 'no-user' | 'too-many'> {
    if (key.userId !== null && (await this.user(key.userId)) === undefined) return 'no-user';
    if ([...this.#keys.values()].filter(({ userId }) => userId === key.userId).length >= most)
      return 'too-many';
    this.#keys.set(key.id, structuredClone(key));
    return 'stored';
  }

  async key(id: string): Promise<KeyRecord | undefined> {
    this.#check();
    return structuredClone(this.#keys.get(id));
  }

  async keyByDigest(digest: string): Promise<KeyRecord | undefined> {
    return (await this.keys()).find((key) => key.digest === digest);
  }

  async keys(userId?: string): Promise<KeyRecord[]> {
    this.#check();
    return structuredClone([...this.#keys.values()])
      .filter((key) => userId === undefined || key.userId === userId)
      .sort((a, b) => a.createdAt - b.createdAt);
  }

  async changeKey(id: string, patch: KeyPatch): Promise<KeyRecord | undefined> {
    const key = await this.key(id);
    if (key !== undefined) this.#keys.set(id, { ...key, ...patch });
    return this.key(id);
  }

  async removeKey(id: string): Promise<boolean> {
    this.#check();
    return this.#keys.delete(id);
  }

  async touchKeys(usedAt: ReadonlyMap<string, number>): Promise<void> {
    this.#check();
    for (const [id, lastUsedAt] of usedAt) {
      const key = this.#keys.get(id);
      if (key !== undefined) this.#keys.set(id, { ...key, lastUsedAt });
    }
  }

  async hasAdmin(): Promise<boolean> {
    const isOurs = ({ userId, role, expiresAt }: KeyRecord): boolean =>
      userId === null && role === 'admin' && expiresAt === null;
    return (await this.users()).some(({ role }) => role === 'admin') || (await this.keys()).some(isOurs);
  }

  async replaceServerKey(key: KeyRecord): Promise<void> {
    for (const { id, userId, role } of await this.keys())
      if (userId === null && role === 'admin') this.#keys.delete(id);
    this.#keys.set(key.id, structuredClone(key));
  }

  #check(): void {
    if (this.failure !== undefined) throw this.failure;
  }
}
