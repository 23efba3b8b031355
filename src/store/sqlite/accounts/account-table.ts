/** Owns the users and API keys in `glambdar.db`. Methods throw SQLite's own errors; `SqliteAccountStore` turns them into `StoreError`. */
import type { KeyRecord, UserRecord } from '../../../model/account/account.js';
import type { Role } from '../../../model/principal.js';
import type { KeyPatch, UserPatch } from '../../account-store.js';
import type { Database } from '../binding.js';
import { transaction } from '../transaction.js';

interface UserRow {
  id: string;
  email: string;
  password_hash: string;
  role: Role;
  may_bridge: number;
  generation: number;
  created_at: number;
}

interface KeyRow {
  id: string;
  name: string;
  digest: string;
  user_id: string | null;
  namespace: string;
  role: Role;
  functions: string | null;
  expires_at: number | null;
  created_at: number;
  last_used_at: number | null;
}

export class AccountTable {
  readonly #db: Database;
  readonly #statements;

  /** @param db with the newest schema */
  constructor(db: Database) {
    this.#db = db;
    this.#statements = {
      addUser: db.prepare('INSERT INTO users VALUES (?, ?, ?, ?, ?, ?, ?)'),
      user: db.prepare('SELECT * FROM users WHERE id = ?'),
      userByEmail: db.prepare('SELECT * FROM users WHERE email = ?'),
      users: db.prepare('SELECT * FROM users ORDER BY created_at, id'),
      changeUser: db.prepare('UPDATE users SET role = ?, may_bridge = ? WHERE id = ?'),
      endTokens: db.prepare('UPDATE users SET generation = generation + 1 WHERE id = ?'),
      removeUser: db.prepare('DELETE FROM users WHERE id = ?'),
      noteRemoved: db.prepare('INSERT OR IGNORE INTO removed_users VALUES (?)'),
      removedUsers: db.prepare('SELECT id FROM removed_users'),
      addKey: db.prepare('INSERT INTO api_keys VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)'),
      countKeys: db.prepare('SELECT COUNT(*) AS count FROM api_keys WHERE user_id IS ?'),
      key: db.prepare('SELECT * FROM api_keys WHERE id = ?'),
      keyByDigest: db.prepare('SELECT * FROM api_keys WHERE digest = ?'),
      keys: db.prepare('SELECT * FROM api_keys ORDER BY created_at, id'),
      keysOfUser: db.prepare('SELECT * FROM api_keys WHERE user_id = ? ORDER BY created_at, id'),
      changeKey: db.prepare(
        'UPDATE api_keys SET name = ?, role = ?, functions = ?, expires_at = ? WHERE id = ?',
      ),
      removeKey: db.prepare('DELETE FROM api_keys WHERE id = ?'),
      removeServerKeys: db.prepare("DELETE FROM api_keys WHERE user_id IS NULL AND role = 'admin'"),
      touchKey: db.prepare('UPDATE api_keys SET last_used_at = ? WHERE id = ?'),
      admin: db.prepare(`
        SELECT 1 FROM users WHERE role = 'admin'
        UNION ALL SELECT 1 FROM api_keys WHERE user_id IS NULL AND role = 'admin' AND expires_at IS NULL LIMIT 1`),
    };
  }

  addUser(user: UserRecord): 'stored' | 'email-taken' {
    const { id, email, passwordHash, role, mayBridge, generation, createdAt } = user;
    return transaction(this.#db, () => {
      if (this.userByEmail(email) !== undefined) return 'email-taken';
      this.#statements.addUser.run(id, email, passwordHash, role, Number(mayBridge), generation, createdAt);
      return 'stored';
    });
  }

  user(id: string): UserRecord | undefined {
    return toUser(this.#statements.user.get(id));
  }

  userByEmail(email: string): UserRecord | undefined {
    return toUser(this.#statements.userByEmail.get(email));
  }

  users(): UserRecord[] {
    return this.#statements.users.all().map((row) => toUser(row) as UserRecord);
  }

  changeUser(id: string, patch: UserPatch): UserRecord | undefined {
    return transaction(this.#db, () => {
      const user = this.user(id);
      if (user === undefined) return undefined;
      const { role, mayBridge } = { ...user, ...patch };
      this.#statements.changeUser.run(role, Number(mayBridge), id);
      return this.user(id);
    });
  }

  endTokens(id: string): void {
    transaction(this.#db, () => this.#statements.endTokens.run(id));
  }

  /** Removes the user, and notes the id. False when there is no such user. */
  removeUser(id: string): boolean {
    return transaction(this.#db, () => {
      const removed = Number(this.#statements.removeUser.run(id).changes) > 0;
      if (removed) this.#statements.noteRemoved.run(id);
      return removed;
    });
  }

  removedUsers(): string[] {
    return this.#statements.removedUsers.all().map((row) => (row as { id: string }).id);
  }

  addKey(key: KeyRecord, most = Infinity): 'stored' | 'no-user' | 'too-many' {
    return transaction(this.#db, () => {
      const { userId } = key;
      if (userId !== null && this.user(userId) === undefined) return 'no-user';
      const { count } = this.#statements.countKeys.get(userId) as { count: number };
      if (count >= most) return 'too-many';
      this.#addKey(key);
      return 'stored';
    });
  }

  key(id: string): KeyRecord | undefined {
    return toKey(this.#statements.key.get(id));
  }

  keyByDigest(digest: string): KeyRecord | undefined {
    return toKey(this.#statements.keyByDigest.get(digest));
  }

  keys(userId?: string): KeyRecord[] {
    const { keys, keysOfUser } = this.#statements;
    const rows = userId === undefined ? keys.all() : keysOfUser.all(userId);
    return rows.map((row) => toKey(row) as KeyRecord);
  }

  changeKey(id: string, patch: KeyPatch): KeyRecord | undefined {
    return transaction(this.#db, () => {
      const key = this.key(id);
      if (key === undefined) return undefined;
      const { name, role, functions, expiresAt } = { ...key, ...patch };
      this.#statements.changeKey.run(name, role, functions && JSON.stringify(functions), expiresAt, id);
      return this.key(id);
    });
  }

  /** False when there is no such key. */
  removeKey(id: string): boolean {
    return transaction(this.#db, () => Number(this.#statements.removeKey.run(id).changes) > 0);
  }

  touchKeys(usedAt: ReadonlyMap<string, number>): void {
    transaction(this.#db, () => {
      for (const [id, at] of usedAt) this.#statements.touchKey.run(at, id);
    });
  }

  hasAdmin(): boolean {
    return this.#statements.admin.get() !== undefined;
  }

  replaceServerKey(key: KeyRecord): void {
    transaction(this.#db, () => {
      this.#statements.removeServerKeys.run();
      this.#addKey(key);
    });
  }

  #addKey(key: KeyRecord): void {
    const { id, name, digest, userId, namespace, role, functions, expiresAt, createdAt, lastUsedAt } = key;
    this.#statements.addKey.run(
      id,
      name,
      digest,
      userId,
      namespace,
      role,
      functions && JSON.stringify(functions),
      expiresAt,
      createdAt,
      lastUsedAt,
    );
  }
}

function toUser(value: unknown): UserRecord | undefined {
  if (value === undefined) return undefined;
  const row = value as UserRow;
  return {
    id: row.id,
    email: row.email,
    passwordHash: row.password_hash,
    role: row.role,
    mayBridge: row.may_bridge !== 0,
    generation: row.generation,
    createdAt: row.created_at,
  };
}

function toKey(value: unknown): KeyRecord | undefined {
  if (value === undefined) return undefined;
  const row = value as KeyRow;
  return {
    id: row.id,
    name: row.name,
    digest: row.digest,
    userId: row.user_id,
    namespace: row.namespace,
    role: row.role,
    functions: row.functions === null ? null : (JSON.parse(row.functions) as string[]),
    expiresAt: row.expires_at,
    createdAt: row.created_at,
    lastUsedAt: row.last_used_at,
  };
}
