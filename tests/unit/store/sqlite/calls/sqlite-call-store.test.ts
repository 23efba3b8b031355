import test from 'ava';
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { StartupError } from '../../../../../src/model/startup-error.js';
import {
  SqliteCallStore,
  type SqliteCallStoreOptions,
} from '../../../../../src/store/sqlite/calls/sqlite-call-store.js';
import { openDatabase } from '../../../../../src/store/sqlite/open-database.js';
import { call, calls, idOf } from '../../builders.js';
import { callStoreContract } from '../../call-store-contract.js';
import { temporaryDirectory } from '../../temporary.js';

callStoreContract('SqliteCallStore', (t) => new SqliteCallStore({ dir: temporaryDirectory(t) }));

const none = new Map<never, never>();
const counted = new Map([[idOf('f'), { invokeCount: 3, errorCount: 1, lastInvokedAt: 5 }]]);

/** Runs `body` with a store that is closed afterwards. */
async function using<T>(
  options: SqliteCallStoreOptions,
  body: (store: SqliteCallStore) => Promise<T>,
): Promise<T> {
  const store = new SqliteCallStore(options);
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

test('a store of calls opened again has what was written before', async (t) => {
  const dir = temporaryDirectory(t);
  const record = call('1', 'f', { stdout: 'hello', error: { code: 'X', message: 'm', stack: 's' } });
  await using({ dir }, (store) => store.append([record], counted, 10));
  await using({ dir }, async (store) => {
    t.deepEqual(await store.listCounters(), counted);
    t.deepEqual(await store.list({ functionId: idOf('f'), limit: 10 }), [record]);
  });
});

test('texts beyond the limit over all functions are dropped, oldest first, and their records say so', async (t) => {
  const dir = temporaryDirectory(t);
  await using({ dir, textLimitBytes: 1_000 }, async (store) => {
    const message = 'm'.repeat(150);
    for (let n = 1; n <= 6; n++) {
      const error = n === 1 ? { code: 'X', message, stack: 's'.repeat(50) } : null;
      await store.append([call(`${n}`, n % 2 ? 'f' : 'g', { stdout: 'o'.repeat(200), error })], none, 10);
    }
    const stdouts = [];
    for (const id of ['1', '2', '3', '6']) stdouts.push((await store.get(id))!.stdout.slice(0, 10));
    t.deepEqual(stdouts, ['[200 bytes', 'oooooooooo', 'oooooooooo', 'oooooooooo']);
    t.deepEqual((await store.get('1'))!.error, { code: 'X', message });
    t.is((await store.get('1'))!.stderr, '');

    // One batch that is larger than the limit by itself: only its newest texts are written at all.
    await store.append(
      calls(9, 'f', 'big').map((record) => ({ ...record, stderr: 'e'.repeat(400) })),
      none,
      100,
    );
    const kept = (await store.list({ functionId: idOf('f'), limit: 9 })).filter(({ stderr }) =>
      stderr.startsWith('eee'),
    );
    t.deepEqual(
      kept.map(({ id }) => id),
      ['big9', 'big8'],
    );
    t.regex((await store.get('2'))!.stdout, /no longer kept/);
  });
});

test('amended output there is no room for takes what was there before with it', async (t) => {
  const dir = temporaryDirectory(t);
  await using({ dir, textLimitBytes: 1_000 }, async (store) => {
    await store.append([call('1', 'f', { stdout: 'early' }), call('2', 'f')], none, 10);
    await store.amend([
      call('1', 'f', { stdout: 'early'.repeat(100) }),
      call('2', 'f', { stdout: 'x'.repeat(800) }),
    ]);
    t.regex((await store.get('1'))!.stdout, /^\[500 bytes of output are no longer kept/);
    t.is((await store.get('2'))!.stdout, 'x'.repeat(800));
  });
});

test('invocations.db stays near the limit of texts however much is written', async (t) => {
  const dir = temporaryDirectory(t);
  const textLimitBytes = 2 * 1024 * 1024;
  await using({ dir, textLimitBytes }, async (store) => {
    const stdout = 'x'.repeat(128 * 1024);
    for (let n = 0; n < 25; n++) {
      await store.append(
        calls(8, 'f', `${n}-`).map((record) => ({ ...record, stdout })),
        none,
        100,
      );
    }
  });
  t.true(statSync(join(dir, 'invocations.db')).size < 2 * textLimitBytes);
});

test('a value that is no number does not lose the batch', async (t) => {
  const dir = temporaryDirectory(t);
  await using({ dir }, async (store) => {
    await store.append([call('1', 'f', { runMs: NaN, invokedAt: 12.7 }), call('2', 'f')], none, 10);
    t.like(await store.get('1'), { runMs: 0, invokedAt: 13 });
    t.truthy(await store.get('2'));
  });
});

test('an invocations.db of a newer release is refused with a sentence and left alone', async (t) => {
  const dir = temporaryDirectory(t);
  const file = join(dir, 'invocations.db');
  await using({ dir }, (store) => store.append([call('1', 'f')], none, 10));
  sql(file, 'CREATE TABLE novelty (x); PRAGMA user_version = 99');
  const error = t.throws(() => new SqliteCallStore({ dir }), { instanceOf: StartupError });
  t.regex(error.message, /^invocations\.db was written by a newer Glambdar \(schema 99/);
  t.deepEqual(
    readdirSync(dir).filter((entry) => /corrupt|-2/.test(entry)),
    [],
  );
  sql(file, 'DROP TABLE novelty; PRAGMA user_version = 3');
  await using({ dir }, async (store) =>
    t.truthy(await store.get('1'), 'the failed start closed what it opened'),
  );
});

test('invocations.db is readable by its owner only', async (t) => {
  const dir = temporaryDirectory(t);
  await using({ dir }, async (store) => {
    await store.append([call('1', 'f')], none, 10);
    for (const file of readdirSync(dir)) t.is(statSync(join(dir, file)).mode & 0o777, 0o600, file);
  });
});
