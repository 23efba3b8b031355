/** Owns accounts on stores in memory, with passwords that cost nothing and a time that tests set. */
import { Accounts } from '../../../src/accounts/accounts.js';
import { Passwords } from '../../../src/accounts/passwords.js';
import { ManualClock } from '../../helpers/manual-clock.js';
import { MemoryAccountStore } from '../../helpers/memory-account-store.js';
import { MemoryAuditStore } from '../../helpers/memory-audit-store.js';

export const SECRET = Buffer.alloc(32, 7);

export class AccountsFixture {
  readonly store = new MemoryAccountStore();
  readonly auditStore = new MemoryAuditStore();
  readonly clock = new ManualClock();
  readonly warnings: unknown[] = [];
  /** Epoch milliseconds. */
  time = Date.UTC(2026, 0, 1);
  readonly accounts: Accounts;

  constructor({ registration = true } = {}) {
    this.accounts = new Accounts({
      store: this.store,
      auditStore: this.auditStore,
      tokenSecret: SECRET,
      registration,
      clock: this.clock,
      logger: { warn: (...entry: unknown[]) => void this.warnings.push(entry) },
      now: () => this.time,
      passwords: new Passwords({ N: 2, r: 1, p: 1 }),
    });
  }

  /** Registers `<name>@example.org`; its password is `password`. */
  register(name: string) {
    return this.accounts.users.register(`${name}@example.org`, 'password', '192.0.2.1');
  }

  /** Actions on record, the oldest first. */
  get actions(): string[] {
    return this.auditStore.records.map(({ action }) => action).reverse();
  }
}
