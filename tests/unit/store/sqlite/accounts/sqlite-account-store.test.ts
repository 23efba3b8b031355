import test from 'ava';
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { StartupError } from '../../../../../src/model/startup-error.js';
import { StoreError } from '../../../../../src/model/store-error.js';
import { openAccountFile } from '../../../../../src/store/sqlite/accounts/account-file.js';
import { functionMigrations } from '../../../../../src/store/sqlite/functions/function-schema.js';
import { SqliteFunctionStore } from '../../../../../src/store/sqlite/functions/sqlite-function-store.js';
import { migrate } from '../../../../../src/store/sqlite/migrate.js';
import { openDatabase } from '../../../../../src/store/sqlite/open-database.js';
import { accountStoreContract, key, user } from '../../account-store-contract.js';
import { auditStoreContract } from '../../audit-store-contract.js';
import { temporaryDirectory } from '../../temporary.js';

const open = (dir: string): SqliteFunctionStore =>
  new SqliteFunctionStore({ dir, readRestored: () => ({ functions: [], lost: [] }) });

accountStoreContract('SqliteAccountStore', (t) => {
  const functions = open(temporaryDirectory(t));
  t.teardown(() => functions.close());
  return functions.accounts;
});

auditStoreContract('SqliteAuditStore', (t) => {
  const functions = open(temporaryDirectory(t));
  t.teardown(() => functions.close());
  return functions.audit;
});

test('accounts are there after a restart, in a file that only its owner can read', async (t) => {
  const dir = temporaryDirectory(t);
  const first = open(dir);
  await first.accounts.addUser(user('a'));
  await first.accounts.addKey(key('k', { userId: 'a' }));
  await first.close();
  await t.throwsAsync(first.accounts.user('a'), { instanceOf: StoreError });
  const second = open(dir);
  t.teardown(() => second.close());
  t.deepEqual(await second.accounts.users(), [user('a')]);
  t.deepEqual(await second.accounts.keys('a'), [key('k', { userId: 'a' })]);
  t.is(statSync(join(dir, 'glambdar.db')).mode & 0o777, 0o600);
});

test('another process changes the accounts of a running server, which sees the change', async (t) => {
  const dir = temporaryDirectory(t);
  const server = open(dir);
  t.teardown(() => server.close());
  const { accounts, close } = openAccountFile(dir);
  await accounts.replaceServerKey(key('admin', { role: 'admin' }));
  close();
  t.deepEqual(await server.accounts.key('admin'), key('admin', { role: 'admin' }));
});

test('accounts of a directory that no server of this release has used are not opened', (t) => {
  const dir = temporaryDirectory(t);
  t.throws(() => openAccountFile(dir), { instanceOf: StartupError, message: /start the server/ });
  const old = openDatabase(join(dir, 'glambdar.db'), 'FULL', 0);
  migrate(old, functionMigrations.slice(0, 3));
  old.close();
  t.throws(() => openAccountFile(dir), { instanceOf: StartupError, message: /older Glambdar/ });
});

test('the routes of the last release stand in the namespaces of their functions', (t) => {
  const db = openDatabase(join(temporaryDirectory(t), 'glambdar.db'), 'FULL', 0);
  migrate(db, functionMigrations.slice(0, 3));
  db.exec(`
    BEGIN;
    INSERT INTO functions VALUES ('id', 'default', 'f', 1, 1, 1, '{}');
    INSERT INTO versions VALUES ('id', 1, 'sha256:00', 1, 1, '{}');
    INSERT INTO routes VALUES ('r', '/a', 'id', 7);
    COMMIT;
  `);
  migrate(db, functionMigrations);
  t.deepEqual(db.prepare('SELECT * FROM routes').all(), [
    { id: 'r', namespace: 'default', path: '/a', function_id: 'id', created_at: 7 },
  ]);
  db.exec("DELETE FROM functions WHERE id = 'id'");
  t.deepEqual(db.prepare('SELECT * FROM routes').all(), []);
  db.close();
});
