/** Owns putting the accounts together: users, keys, who sends a request, the audit log. */
import type { Clock } from '../clock.js';
import type { Logger } from '../logger.js';
import type { AccountStore } from '../store/account-store.js';
import type { AuditStore } from '../store/audit-store.js';
import { ApiKeys, replaceServerKey } from './api-keys.js';
import { AuditTrail } from './audit-trail.js';
import { Authentication } from './authentication.js';
import { GuessBrakes } from './guess-brakes.js';
import { KeyUses } from './key-uses.js';
import { Passwords } from './passwords.js';
import { Tokens } from './tokens.js';
import { Users } from './users.js';

export interface AccountsOptions {
  store: AccountStore;
  auditStore: AuditStore;
  /** Signs the tokens; at least 32 bytes. */
  tokenSecret: Uint8Array;
  /** Whether anybody may register. */
  registration: boolean;
  clock: Clock;
  logger: Pick<Logger, 'warn'>;
  /** Epoch milliseconds; default: the time of this machine. */
  now?: () => number;
  /** Default: hashes of the cost that people's passwords need. */
  passwords?: Passwords;
}

export class Accounts {
  readonly users: Users;
  readonly keys: ApiKeys;
  readonly authentication: Authentication;
  readonly audit: AuditTrail;
  readonly #uses: KeyUses;
  readonly #store: AccountStore;
  readonly #now: () => number;

  constructor(options: AccountsOptions) {
    const { store, auditStore, tokenSecret, registration, clock, logger, now = () => Date.now() } = options;
    const tokens = new Tokens(tokenSecret, now);
    this.#store = store;
    this.#now = now;
    this.#uses = new KeyUses({ store, clock, now, logger });
    this.audit = new AuditTrail({ store: auditStore, logger, now });
    this.authentication = new Authentication({
      store,
      tokens,
      clock,
      now,
      onKeyUsed: (id) => this.#uses.note(id),
    });
    const onChanged = (): void => this.authentication.changed();
    this.keys = new ApiKeys({ store, now, onChanged });
    this.users = new Users({
      store,
      passwords: options.passwords ?? new Passwords(),
      tokens,
      brakes: new GuessBrakes(clock),
      audit: this.audit,
      now,
      onChanged,
      registration,
    });
  }

  /** A key for the first admin, to be shown to the operator; undefined when there is an admin already. Rejects with `StoreError`. */
  async firstAdminKey(): Promise<string | undefined> {
    if (await this.#store.hasAdmin()) return undefined;
    const { text } = await replaceServerKey(this.#store, this.audit, this.#now());
    this.authentication.changed();
    return text;
  }

  /** Writes what waits to be written. */
  async close(): Promise<void> {
    await this.#uses.close();
  }
}
