/** Owns opening the accounts of a directory from another process than its server, which may be running or not. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { StartupError } from '../../../model/startup-error.js';
import type { AccountStore } from '../../account-store.js';
import type { AuditStore } from '../../audit-store.js';
import { functionMigrations } from '../functions/function-schema.js';
import { refuseNewer, schemaVersion } from '../migrate.js';
import { openDatabase } from '../open-database.js';
import { toStoreError } from '../sqlite-error.js';
import { AccountTable } from './account-table.js';
import { AuditTable } from './audit-table.js';
import { SqliteAccountStore } from './sqlite-account-store.js';
import { SqliteAuditStore } from './sqlite-audit-store.js';

/**
 * Opens the accounts in a directory that a server of this release has used. Throws `StartupError` when there are none, or
 * `StoreError`.
 * @param dir GLAMBDAR_DIR, which need not be locked: SQLite keeps two processes apart
 */
export function openAccountFile(dir: string): { accounts: AccountStore; audit: AuditStore; close(): void } {
  const file = join(dir, 'glambdar.db');
  if (!existsSync(file))
    throw new StartupError(
      `${file} does not exist: start the server with GLAMBDAR_AUTH=on first, or set GLAMBDAR_DIR to its directory.`,
    );
  const on = <T>(work: () => T): T => {
    try {
      return work();
    } catch (error) {
      throw error instanceof StartupError ? error : toStoreError(error, file);
    }
  };
  return on(() => {
    const db = openDatabase(file, 'FULL', -1);
    try {
      refuseNewer(db, functionMigrations, file);
      if (schemaVersion(db) < functionMigrations.length)
        throw new StartupError(
          `${file} was written by an older Glambdar: start the server with GLAMBDAR_AUTH=on first.`,
        );
      const [accounts, audit] = [new AccountTable(db), new AuditTable(db)];
      return {
        accounts: new SqliteAccountStore((work) => on(() => work(accounts))),
        audit: new SqliteAuditStore((work) => on(() => work(audit))),
        close: () => db.close(),
      };
    } catch (error) {
      db.close();
      throw error;
    }
  });
}
