/** Owns making, changing and ending API keys, and who may do so. */
import { randomUUID } from 'node:crypto';
import { GlambdarError } from '../errors.js';
import type { KeyRecord } from '../model/account/account.js';
import { isFunctionName } from '../model/function/function-name.js';
import { includesRole, ROLES, type Principal, type Role } from '../model/principal.js';
import type { AccountStore, KeyPatch } from '../store/account-store.js';
import type { AuditTrail } from './audit-trail.js';
import { createKeyText, digestOf } from './key-text.js';

/** Keys of one user, or of the server itself: more are a mistake. */
const MAX_KEYS = 100;
const MAX_NAME = 100;
const MAX_FUNCTIONS = 100;
const SCOPE = 'invoke:';

export interface ApiKeysOptions {
  store: AccountStore;
  /** Epoch milliseconds. */
  now: () => number;
  /** Called after every change that ends or changes what a key may do. */
  onChanged: () => void;
}

/** A key that was just made. */
export interface NewKey {
  /** The key itself, to be shown once. */
  text: string;
  record: KeyRecord;
}

export class ApiKeys {
  readonly #options: ApiKeysOptions;

  constructor(options: ApiKeysOptions) {
    this.#options = options;
  }

  /**
   * Makes a key that acts in the maker's namespace. Rejects with INVALID_REQUEST, FORBIDDEN (a key would do more than its
   * maker may), CONFLICT (too many keys), UNAUTHENTICATED (the maker is gone), `StoreError`.
   * @param request `{ name, role, expiresAt?, scopes? }` as a client sent it
   */
  async create(maker: Principal, request: Record<string, unknown>): Promise<NewKey> {
    const { store, now } = this.#options;
    assertManages(maker);
    const usual = includesRole(maker.role, 'deployer') ? 'deployer' : maker.role!;
    const { name, role = usual, functions = null, expiresAt = null } = parsePatch(request, now());
    if (name === undefined) throw invalid('"name" is missing: name the key after what will use it.');
    const limited = functions !== null && request['role'] === undefined ? 'invoker' : role;
    assertRoleFits(maker, limited, functions);
    const text = createKeyText();
    const record: KeyRecord = {
      id: randomUUID(),
      name,
      digest: digestOf(text),
      userId: maker.user ?? null,
      namespace: maker.namespace,
      role: limited,
      functions,
      expiresAt,
      createdAt: now(),
      lastUsedAt: null,
    };
    switch (await store.addKey(record, MAX_KEYS)) {
      case 'no-user':
        throw new GlambdarError('UNAUTHENTICATED', 'User not found');
      case 'too-many':
        throw new GlambdarError(
          'CONFLICT',
          `There are ${MAX_KEYS} keys already; delete one that is not used.`,
        );
      case 'stored':
    }
    return { text, record };
  }

  /** The keys that somebody may see: an admin all, everybody else their own. Rejects with FORBIDDEN, `StoreError`. */
  async list(viewer: Principal): Promise<KeyRecord[]> {
    assertManages(viewer);
    return this.#options.store.keys(viewer.role === 'admin' ? undefined : viewer.user);
  }

  /** Changes name, role, scopes or end. Rejects with NOT_FOUND, also for a key of somebody else, and like `create`. */
  async change(changer: Principal, id: string, request: Record<string, unknown>): Promise<KeyRecord> {
    const { store, now, onChanged } = this.#options;
    const before = await this.#own(changer, id);
    const patch = parsePatch(request, now());
    const after = { ...before, ...patch };
    assertRoleFits(changer, after.role, after.functions);
    const changed = await store.changeKey(id, patch);
    onChanged();
    if (changed === undefined) throw noSuchKey();
    return changed;
  }

  /** Ends a key at once. Rejects with NOT_FOUND, also for a key of somebody else; FORBIDDEN, `StoreError`. */
  async remove(remover: Principal, id: string): Promise<KeyRecord> {
    const { store, onChanged } = this.#options;
    const key = await this.#own(remover, id);
    await store.removeKey(id);
    onChanged();
    return key;
  }

  async #own(principal: Principal, id: string): Promise<KeyRecord> {
    assertManages(principal);
    const key = await this.#options.store.key(id);
    if (key === undefined || (principal.role !== 'admin' && key.userId !== principal.user)) throw noSuchKey();
    return key;
  }
}

/**
 * The admin key of the server itself: in the namespace `default`, without an end, nobody's. All such keys made before are
 * ended, and the audit log gets a line. Rejects with `StoreError`.
 * @param now epoch milliseconds
 */
export async function replaceServerKey(store: AccountStore, audit: AuditTrail, now: number): Promise<NewKey> {
  const text = createKeyText();
  const record: KeyRecord = {
    id: randomUUID(),
    name: 'admin',
    digest: digestOf(text),
    userId: null,
    namespace: 'default',
    role: 'admin',
    functions: null,
    expiresAt: null,
    createdAt: now,
    lastUsedAt: null,
  };
  await store.replaceServerKey(record);
  const { id, namespace, role } = record;
  await audit.record({
    actor: { kind: 'operator', id: 'operator' },
    namespace,
    action: 'key.create',
    target: id,
    address: null,
    detail: { role },
  });
  return { text, record };
}

/** A key that leaked must not be able to make another one, which would outlive it. */
function assertManages({ kind, role, functions }: Principal): void {
  if (role === 'admin' && functions === null) return;
  if (kind === 'user') return;
  throw new GlambdarError('FORBIDDEN', 'Keys are managed by users who have signed in, and by admins.');
}

function assertRoleFits(maker: Principal, role: Role, functions: readonly string[] | null): void {
  if (!includesRole(maker.role, role))
    throw new GlambdarError(
      'FORBIDDEN',
      `A key with the role ${role} needs the role ${ROLES.slice(ROLES.indexOf(role)).join(' or ')}; yours is ${maker.role}.`,
    );
  if (functions !== null && role !== 'invoker')
    throw invalid(`A key with scopes may call functions and do nothing else: its role must be "invoker".`);
}

const KNOWN = ['name', 'role', 'scopes', 'expiresAt'];

/** What a client sent → a patch with the members that it named. */
function parsePatch(request: Record<string, unknown>, now: number): KeyPatch {
  const unknown = Object.keys(request).find((key) => !KNOWN.includes(key));
  if (unknown !== undefined)
    throw invalid(`${JSON.stringify(unknown.slice(0, 64))} is unknown; known are ${KNOWN.join(', ')}.`);
  const { name, role, scopes, expiresAt } = request;
  const patch: KeyPatch = {};
  if (name !== undefined) patch.name = parseName(name);
  if (role !== undefined) patch.role = parseRole(role);
  if (scopes !== undefined) patch.functions = parseScopes(scopes);
  if (expiresAt !== undefined) patch.expiresAt = parseExpiry(expiresAt, now);
  return patch;
}

function parseName(name: unknown): string {
  if (typeof name === 'string' && name.trim() !== '' && name.length <= MAX_NAME && !/\p{Cc}/u.test(name))
    return name;
  throw invalid(`"name" must be 1 to ${MAX_NAME} characters.`);
}

/** Throws INVALID_REQUEST for what is no role. */
export function parseRole(role: unknown): Role {
  if (ROLES.includes(role as Role)) return role as Role;
  throw invalid(`"role" must be one of ${ROLES.join(', ')}.`);
}

function parseScopes(scopes: unknown): string[] | null {
  if (scopes === null) return null;
  const names = Array.isArray(scopes)
    ? scopes.map((scope: unknown) => {
        const name = typeof scope === 'string' && scope.startsWith(SCOPE) ? scope.slice(SCOPE.length) : '';
        return isFunctionName(name) ? name : undefined;
      })
    : [];
  const valid = names.filter((name) => name !== undefined);
  if (valid.length > 0 && valid.length === names.length && valid.length <= MAX_FUNCTIONS)
    return [...new Set(valid)];
  throw invalid(
    `"scopes" must be a list of 1 to ${MAX_FUNCTIONS} texts such as "${SCOPE}hello", or null for no limit.`,
  );
}

function parseExpiry(expiresAt: unknown, now: number): number | null {
  if (expiresAt === null) return null;
  const isTime = typeof expiresAt === 'string' && /^\d{4}-\d\d-\d\dT/.test(expiresAt);
  const at = isTime ? Date.parse(expiresAt) : NaN;
  if (at > now) return at;
  throw invalid(
    '"expiresAt" must be a time in the future such as "2027-01-31T00:00:00Z", or null for no end.',
  );
}

function invalid(message: string): GlambdarError {
  return new GlambdarError('INVALID_REQUEST', message);
}

function noSuchKey(): GlambdarError {
  return new GlambdarError('NOT_FOUND', 'There is no such key; GET /auth/keys lists them.');
}
