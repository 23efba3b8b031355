/** Owns what users do with their accounts: registering, signing in and out; and what admins do with users. */
import { randomUUID } from 'node:crypto';
import { GlambdarError } from '../errors.js';
import type { UserRecord } from '../model/account/account.js';
import type { AuditEntry } from '../model/account/audit-record.js';
import type { AccountStore, UserPatch } from '../store/account-store.js';
import type { AuditTrail } from './audit-trail.js';
import { isEmail, normalEmail } from './email.js';
import type { GuessBrakes } from './guess-brakes.js';
import type { Passwords } from './passwords.js';
import type { Tokens } from './tokens.js';

export type { UserPatch } from '../store/account-store.js';

const MIN_PASSWORD = 6;
const MAX_PASSWORD = 1024;

export interface UsersOptions {
  store: AccountStore;
  passwords: Passwords;
  tokens: Tokens;
  brakes: GuessBrakes;
  audit: AuditTrail;
  /** Epoch milliseconds. */
  now: () => number;
  /** Called after every change that ends or changes what a token or key may do. */
  onChanged: () => void;
  /** Whether anybody may register. */
  registration: boolean;
}

/** A user who has just signed in. */
export interface SignedIn {
  token: string;
  user: UserRecord;
}

export class Users {
  readonly #options: UsersOptions;

  constructor(options: UsersOptions) {
    this.#options = options;
  }

  /**
   * Makes a user, a deployer in a namespace of their own, and signs them in. Rejects with FORBIDDEN (registration is off),
   * INVALID_REQUEST, CONFLICT (the address has a user), RATE_LIMITED, AT_CAPACITY, `StoreError`.
   * @param address the client's
   */
  async register(email: unknown, password: unknown, address: string): Promise<SignedIn> {
    const { store, passwords, brakes, audit, now, registration } = this.#options;
    if (!registration)
      throw new GlambdarError('FORBIDDEN', 'Registration is off: ask an admin of this server for a key.');
    const given = credentialsOf(email, password);
    if ([...given.password].length < MIN_PASSWORD)
      throw invalid(`Password must be at least ${MIN_PASSWORD} characters`);
    if (!isEmail(given.email)) throw invalid('Email must be an address such as ada@example.org');
    brakes.register(address);
    if ((await store.userByEmail(given.email)) !== undefined) throw emailTaken();
    const user: UserRecord = {
      id: randomUUID(),
      email: given.email,
      passwordHash: await passwords.hash(given.password),
      role: 'deployer',
      mayBridge: false,
      generation: 0,
      createdAt: now(),
    };
    if ((await store.addUser(user)) === 'email-taken') throw emailTaken();
    void audit.record({ ...entryOf(user, address), action: 'user.register' });
    return this.#signedIn(user);
  }

  /**
   * Rejects with UNAUTHENTICATED ("Invalid credentials", after the same time for an unknown address and a wrong password),
   * INVALID_REQUEST, RATE_LIMITED, AT_CAPACITY, `StoreError`.
   * @param address the client's
   */
  async signIn(email: unknown, password: unknown, address: string): Promise<SignedIn> {
    const { store, passwords, brakes, audit } = this.#options;
    const given = credentialsOf(email, password);
    const proved = brakes.signIn(given.email, address);
    const isAddress = isEmail(given.email);
    const user = isAddress ? await store.userByEmail(given.email) : undefined;
    const right = await passwords.verify(given.password, user?.passwordHash);
    if (!right || user === undefined) {
      // A text without the form of an address may be a password that got into the wrong field.
      const target = isAddress ? given.email : '(no address)';
      void audit.record({
        actor: { kind: 'anonymous', id: 'anonymous' },
        namespace: 'default',
        action: 'sign-in.failed',
        target,
        address,
      });
      throw new GlambdarError('UNAUTHENTICATED', 'Invalid credentials');
    }
    proved();
    void audit.record({ ...entryOf(user, address), action: 'sign-in' });
    return this.#signedIn(user);
  }

  /** Ends all tokens of a user; keys stay. Rejects with `StoreError`. */
  async signOut(id: string): Promise<void> {
    await this.#options.store.endTokens(id);
    this.#options.onChanged();
  }

  /** All users, the first registered first. */
  list(): Promise<UserRecord[]> {
    return this.#options.store.users();
  }

  /** Undefined when there is no such user. */
  find(id: string): Promise<UserRecord | undefined> {
    return this.#options.store.user(id);
  }

  /** Changes a user's role and permission. Rejects with NOT_FOUND, `StoreError`. */
  async change(id: string, patch: UserPatch): Promise<UserRecord> {
    const user = await this.#options.store.changeUser(id, patch);
    this.#options.onChanged();
    if (user === undefined) throw noSuchUser();
    return user;
  }

  /** Removes a user and their keys; their tokens are over at once. Rejects with NOT_FOUND, `StoreError`. */
  async remove(id: string): Promise<void> {
    const removed = await this.#options.store.removeUser(id);
    this.#options.onChanged();
    if (!removed) throw noSuchUser();
  }

  async #signedIn(user: UserRecord): Promise<SignedIn> {
    return { token: await this.#options.tokens.sign(user), user };
  }
}

function credentialsOf(email: unknown, password: unknown): { email: string; password: string } {
  if (typeof email !== 'string' || typeof password !== 'string' || email.trim() === '' || password === '')
    throw invalid('Email and password are required');
  if (password.length > MAX_PASSWORD) throw invalid(`Password must be at most ${MAX_PASSWORD} characters`);
  return { email: normalEmail(email), password };
}

function entryOf({ id, email }: UserRecord, address: string): Omit<AuditEntry, 'action'> {
  return { actor: { kind: 'user', id, user: id }, namespace: id, target: email, address };
}

function invalid(message: string): GlambdarError {
  return new GlambdarError('INVALID_REQUEST', message);
}

function emailTaken(): GlambdarError {
  return new GlambdarError('CONFLICT', 'Email already registered');
}

function noSuchUser(): GlambdarError {
  return new GlambdarError('NOT_FOUND', 'There is no such user; GET /auth/users lists them.');
}
