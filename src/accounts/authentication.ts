/**
 * Owns telling who sends a request from the token or key it carries. What has been verified is remembered by its hash, so
 * that a call on an open connection costs a hash and a look-up; every change of an account ends what is remembered.
 */
import { timingSafeEqual } from 'node:crypto';
import type { Clock } from '../clock.js';
import type { KeyRecord } from '../model/account/account.js';
import { includesRole, type Principal } from '../model/principal.js';
import type { AccountStore } from '../store/account-store.js';
import { digestOf, isKeyText, KEY_PREFIX } from './key-text.js';
import type { Tokens } from './tokens.js';

/** Who sends a request, or why that is not known, in a sentence for the client. */
export type Authenticated = Principal | { unproven: string };

const INVALID = { unproven: 'Invalid or expired token' };
const NO_USER = { unproven: 'User not found' };

/** After so long a remembered key or token is verified again: another process may have changed the accounts. */
const TRUSTED_MS = 1_000;
const MAX_REMEMBERED = 10_000;
/** How often the senders of requests that go on are verified again, for ends that no change tells of. */
const WATCH_MS = 5_000;

interface Remembered {
  principal: Principal;
  /** Epoch milliseconds. */
  expiresAt: number;
  verifiedAt: number;
}

interface Watcher {
  credential: string;
  isStill: (found: Authenticated) => boolean;
  lost: () => void;
}

export interface AuthenticationOptions {
  store: AccountStore;
  tokens: Tokens;
  clock: Clock;
  /** Epoch milliseconds. */
  now: () => number;
  /** Called with the id of each key that is used. */
  onKeyUsed: (id: string) => void;
}

export class Authentication {
  readonly #options: AuthenticationOptions;
  readonly #remembered = new Map<string, Remembered>();
  /** Grows with every change, so that a verification that began before a change is not remembered after it. */
  #changes = 0;
  readonly #watchers = new Set<Watcher>();
  #cancelWatch: (() => void) | undefined;

  constructor(options: AuthenticationOptions) {
    this.#options = options;
  }

  /** To be called after every change of a user or a key: nobody is remembered as they were. */
  changed(): void {
    this.#changes += 1;
    this.#remembered.clear();
    void this.#watch();
  }

  /**
   * @param credential a token or a key, as it came
   * @returns a promise only when the credential is not remembered. It rejects with `StoreError`
   */
  authenticate(credential: string): Authenticated | Promise<Authenticated> {
    const digest = digestOf(credential);
    const known = this.#remembered.get(digest);
    if (known !== undefined) {
      const now = this.#options.now();
      const age = now - known.verifiedAt;
      if (now < known.expiresAt && age >= 0 && age < TRUSTED_MS) {
        if (known.principal.kind === 'key') this.#options.onKeyUsed(known.principal.id);
        return known.principal;
      }
      this.#remembered.delete(digest);
    }
    return this.#verify(credential, digest);
  }

  /**
   * Watches the sender of a request that goes on after it was let in. The returned function ends the watch.
   * @param isStill whether what the credential proves now is enough
   * @param lost called once when it is not; the watch has ended then
   */
  watch(credential: string, isStill: Watcher['isStill'], lost: () => void): () => void {
    const watcher = { credential, isStill, lost };
    this.#watchers.add(watcher);
    this.#watchLater();
    return () => {
      this.#watchers.delete(watcher);
      if (this.#watchers.size > 0) return;
      this.#cancelWatch?.();
      this.#cancelWatch = undefined;
    };
  }

  #watchLater(): void {
    this.#cancelWatch ??= this.#options.clock.after(WATCH_MS, () => {
      this.#cancelWatch = undefined;
      void this.#watch();
      if (this.#watchers.size > 0) this.#watchLater();
    });
  }

  async #watch(): Promise<void> {
    for (const watcher of [...this.#watchers]) {
      try {
        if (watcher.isStill(await this.authenticate(watcher.credential))) continue;
      } catch {
        continue; // the store fails: its reader is asked again later
      }
      if (this.#watchers.delete(watcher)) watcher.lost();
    }
  }

  async #verify(credential: string, digest: string): Promise<Authenticated> {
    const changes = this.#changes;
    const found = await (credential.startsWith(KEY_PREFIX)
      ? this.#key(credential, digest)
      : this.#token(credential));
    if ('unproven' in found) return found;
    const { principal, expiresAt } = found;
    // A change meanwhile may have been one of this account: it is verified again with its next request.
    if (changes === this.#changes)
      this.#remember(digest, { principal, expiresAt, verifiedAt: this.#options.now() });
    return principal;
  }

  #remember(digest: string, entry: Remembered): void {
    for (const oldest of this.#remembered.keys()) {
      if (this.#remembered.size < MAX_REMEMBERED) break;
      this.#remembered.delete(oldest);
    }
    this.#remembered.set(digest, entry);
  }

  async #token(token: string): Promise<{ principal: Principal; expiresAt: number } | { unproven: string }> {
    const { store, tokens } = this.#options;
    const claims = await tokens.verify(token);
    if (claims === undefined) return INVALID;
    const user = await store.user(claims.userId);
    if (user === undefined) return NO_USER;
    if (user.generation !== claims.generation) return INVALID;
    const { id, role, mayBridge } = user;
    const principal: Principal = {
      kind: 'user',
      id,
      user: id,
      namespace: id,
      role,
      functions: null,
      mayBridge: mayBridge || role === 'admin',
    };
    return { principal, expiresAt: claims.expiresAt };
  }

  async #key(
    text: string,
    digest: string,
  ): Promise<{ principal: Principal; expiresAt: number } | { unproven: string }> {
    const { store, now, onKeyUsed } = this.#options;
    const key = isKeyText(text) ? await store.keyByDigest(digest) : undefined;
    if (key === undefined || !timingSafeEqual(Buffer.from(key.digest), Buffer.from(digest))) return INVALID;
    const expiresAt = key.expiresAt ?? Infinity;
    if (expiresAt <= now()) return INVALID;
    const principal = await this.#principalOf(key);
    if (principal === undefined) return INVALID;
    onKeyUsed(key.id);
    return { principal, expiresAt };
  }

  /** A key does what its role says, and no more than its user may now. */
  async #principalOf(key: KeyRecord): Promise<Principal | undefined> {
    const { id, userId, namespace, functions } = key;
    if (userId === null) {
      return { kind: 'key', id, namespace, role: key.role, functions, mayBridge: key.role === 'admin' };
    }
    const user = await this.#options.store.user(userId);
    if (user === undefined) return undefined;
    // An admin may make a key for another namespace; who is no admin any more has only their own.
    if (user.role !== 'admin' && namespace !== userId) return undefined;
    const role = includesRole(user.role, key.role) ? key.role : user.role;
    const mayBridge = user.mayBridge || role === 'admin';
    return { kind: 'key', id, user: userId, namespace, role, functions, mayBridge };
  }
}
