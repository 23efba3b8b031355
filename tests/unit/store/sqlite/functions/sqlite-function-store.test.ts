import test from 'ava';
import { chmodSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { FunctionSettings } from '../../../../../src/model/function/settings.js';
import { StartupError } from '../../../../../src/model/startup-error.js';
import { StoreError } from '../../../../../src/model/store-error.js';
import { functionMigrations } from '../../../../../src/store/sqlite/functions/function-schema.js';
import { SqliteFunctionStore } from '../../../../../src/store/sqlite/functions/sqlite-function-store.js';
import { openDatabase } from '../../../../../src/store/sqlite/open-database.js';
import { idOf, publication, settings } from '../../builders.js';
import { functionStoreContract } from '../../function-store-contract.js';
import { temporaryDirectory } from '../../temporary.js';

const nothing = { functions: [], lost: [] };
const open = (dir: string): SqliteFunctionStore => new SqliteFunctionStore({ dir, readRestored: () => nothing });

functionStoreContract('SqliteFunctionStore', (t) => open(temporaryDirectory(t)));

/** Runs `body` with a store that is closed afterwards. */
async function using<T>(dir: string, body: (store: SqliteFunctionStore) => Promise<T>): Promise<T> {
  const store = open(dir);
  try {
    return await body(store);
  } finally {
    await store.close();
  }
}

function sql(file: string, text: string): void {
  const db = openDatabase(file, 'FULL', 0);
  db.exec(text);
  db.close();
}

test('a store of functions opened again has what was written before', async (t) => {
  const dir = temporaryDirectory(t);
  await using(dir, async (store) => {
    await store.publish(publication('f', 1, 1_000));
    await store.publish(publication('f', 2, 2_000));
  });
  await using(dir, async (store) => {
    t.is(store.recovered, null);
    t.like(await store.get(idOf('f')), { createdAt: 1_000, updatedAt: 2_000, active: { version: 2 } });
  });
});

test('settings with unknown and without known keys come back as they were written', async (t) => {
  const dir = temporaryDirectory(t);
  const { standby, ...fewer } = settings;
  const stored = { ...fewer, fromTheFuture: { x: 1 } } as unknown as FunctionSettings;
  await using(dir, (store) => store.publish({ ...publication('f'), settings: stored }));
  await using(dir, async (store) => t.deepEqual((await store.get(idOf('f')))?.settings, stored));
  t.is(standby, null);
});

test('a glambdar.db of a newer release is refused with a sentence and left alone', async (t) => {
  const dir = temporaryDirectory(t);
  const file = join(dir, 'glambdar.db');
  await using(dir, (store) => store.publish(publication('f')));
  sql(file, 'CREATE TABLE novelty (x); PRAGMA user_version = 99');
  const error = t.throws(() => open(dir), { instanceOf: StartupError });
  t.regex(error.message, /^glambdar\.db was written by a newer Glambdar \(schema 99/);
  t.deepEqual(
    readdirSync(dir).filter((entry) => entry.includes('corrupt')),
    [],
  );
  sql(file, `DROP TABLE novelty; PRAGMA user_version = ${functionMigrations.length}`);
  await using(dir, async (store) => t.truthy(await store.get(idOf('f'))));
});

test('glambdar.db is readable by its owner only', async (t) => {
  const dir = temporaryDirectory(t);
  await using(dir, async (store) => {
    await store.publish(publication('f'));
    for (const file of readdirSync(dir)) t.is(statSync(join(dir, file)).mode & 0o777, 0o600, file);
  });
});

test('check rejects when glambdar.db was deleted or replaced under the server', async (t) => {
  const dir = temporaryDirectory(t);
  await using(dir, async (store) => {
    await store.check();
    renameSync(join(dir, 'glambdar.db'), join(dir, 'away'));
    const error = await t.throwsAsync(store.check(), { instanceOf: StoreError });
    t.regex(error.message, /moved or deleted/);
    writeFileSync(join(dir, 'glambdar.db'), '');
    await t.throwsAsync(store.check(), { instanceOf: StoreError });
    rmSync(join(dir, 'glambdar.db'));
    renameSync(join(dir, 'away'), join(dir, 'glambdar.db'));
    await t.notThrowsAsync(store.check());
  });
});

test('a directory without permission is a sentence, not a stack', (t) => {
  if (process.getuid?.() === 0) return t.pass('root may write anywhere');
  const dir = temporaryDirectory(t);
  chmodSync(dir, 0o500);
  const error = t.throws(() => open(dir), { instanceOf: StartupError });
  t.regex(error.message, /cannot be/);
});
