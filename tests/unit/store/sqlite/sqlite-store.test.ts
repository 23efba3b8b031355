import test from 'ava';
import { chmodSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { FunctionSettings } from '../../../../src/model/records.js';
import {
  openSqliteStore,
  type SqliteStore,
  type SqliteStoreOptions,
} from '../../../../src/store/sqlite/sqlite-store.js';
import { openDatabase } from '../../../../src/store/sqlite/sqlite.js';
import { StartupError } from '../../../../src/model/startup-error.js';
import { StoreError } from '../../../../src/store/store.js';
import { call, calls, publication, settings } from '../builders.js';
import { storeContract } from '../store-contract.js';
import { temporaryDirectory } from '../temporary.js';

storeContract('SqliteStore', (t) => openSqliteStore({ dir: temporaryDirectory(t) }));

const counted = new Map([['f', { invokeCount: 3, errorCount: 1, lastInvokedAt: 5 }]]);

/** Runs `body` with a store that is closed afterwards. */
function using<T>(options: SqliteStoreOptions, body: (store: SqliteStore) => T): T {
  const store = openSqliteStore(options);
  try {
    return body(store);
  } finally {
    store.close();
  }
}

function sql(file: string, text: string): void {
  const db = openDatabase(file, 'FULL', 0);
  db.exec(text);
  db.close();
}

test('a store opened again has what was written before', (t) => {
  const dir = temporaryDirectory(t);
  const record = call('1', 'f', { stdout: 'hello', error: { code: 'X', message: 'm', stack: 's' } });
  using({ dir }, (store) => {
    store.publish(publication('f', 1, 1_000));
    store.publish(publication('f', 2, 2_000));
    store.appendInvocations([record], counted, 10);
  });
  using({ dir }, (store) => {
    t.is(store.recovered, null);
    t.like(store.getFunction('f'), { createdAt: 1_000, updatedAt: 2_000, active: { version: 2 } });
    t.deepEqual(store.listCounters(), counted);
    t.deepEqual(store.listInvocations({ funcName: 'f', limit: 10 }), [record]);
  });
});

test('a removal that a crash cut between the two databases leaves nothing for a later function of that name', (t) => {
  const dir = temporaryDirectory(t);
  using({ dir }, (store) => {
    store.publish(publication('f', 1, 1_000));
    store.appendInvocations(calls(2, 'f'), counted, 10);
  });
  sql(join(dir, 'glambdar.db'), "DELETE FROM functions WHERE name = 'f'");
  using({ dir }, (store) => {
    t.deepEqual(store.listCounters(), new Map());
    t.is(store.getInvocation('c1'), undefined);
    store.publish(publication('f', 1, 1_000));
    t.deepEqual(store.listCounters(), new Map());
    t.deepEqual(store.listInvocations({ funcName: 'f', limit: 10 }), []);
  });
});

test('what is left of an earlier function of the same name is not shown even before it is cleaned up', (t) => {
  const dir = temporaryDirectory(t);
  using({ dir }, (store) => {
    store.publish(publication('f', 1, 1_000));
    store.appendInvocations(calls(2, 'f'), counted, 10);
    // Another life of the name, made behind the store's back: what power loss does when it takes the clean-up only.
    sql(join(dir, 'glambdar.db'), "UPDATE functions SET created_at = 2000 WHERE name = 'f'");
    t.deepEqual(store.listCounters(), new Map());
    t.deepEqual(store.listInvocations({ funcName: 'f', limit: 10 }), []);
    t.is(store.getInvocation('c1'), undefined);
    store.appendInvocations([call('new', 'f')], new Map(), 10);
    t.deepEqual(
      store.listInvocations({ funcName: 'f', limit: 10 }).map(({ id }) => id),
      ['new'],
    );
  });
});

test('texts beyond the limit over all functions are dropped, oldest first, and their records say so', (t) => {
  const dir = temporaryDirectory(t);
  using({ dir, textLimitBytes: 1_000 }, (store) => {
    for (const name of ['f', 'g']) store.publish(publication(name));
    const message = 'm'.repeat(150);
    for (let n = 1; n <= 6; n++) {
      const error = n === 1 ? { code: 'X', message, stack: 's'.repeat(50) } : null;
      store.appendInvocations(
        [call(`${n}`, n % 2 ? 'f' : 'g', { stdout: 'o'.repeat(200), error })],
        new Map(),
        10,
      );
    }
    const stdouts = ['1', '2', '3', '6'].map((id) => store.getInvocation(id)!.stdout.slice(0, 10));
    t.deepEqual(stdouts, ['[200 bytes', 'oooooooooo', 'oooooooooo', 'oooooooooo']);
    t.deepEqual(store.getInvocation('1')!.error, { code: 'X', message });
    t.is(store.getInvocation('1')!.stderr, '');

    // One batch that is larger than the limit by itself: only its newest texts are written at all.
    store.appendInvocations(
      calls(9, 'f', 'big').map((record) => ({ ...record, stderr: 'e'.repeat(400) })),
      new Map(),
      100,
    );
    const kept = calls(9, 'f', 'big').filter(({ id }) => store.getInvocation(id)!.stderr.startsWith('eee'));
    t.deepEqual(
      kept.map(({ id }) => id),
      ['big8', 'big9'],
    );
    t.regex(store.getInvocation('2')!.stdout, /no longer kept/);
  });
});

test('amended output there is no room for takes what was there before with it', (t) => {
  const dir = temporaryDirectory(t);
  using({ dir, textLimitBytes: 1_000 }, (store) => {
    store.publish(publication('f'));
    store.appendInvocations([call('1', 'f', { stdout: 'early' }), call('2', 'f')], new Map(), 10);
    store.amendInvocations([
      call('1', 'f', { stdout: 'early'.repeat(100) }),
      call('2', 'f', { stdout: 'x'.repeat(800) }),
    ]);
    t.regex(store.getInvocation('1')!.stdout, /^\[500 bytes of output are no longer kept/);
    t.is(store.getInvocation('2')!.stdout, 'x'.repeat(800));
  });
});

test('invocations.db stays near the limit of texts however much is written', (t) => {
  const dir = temporaryDirectory(t);
  const textLimitBytes = 2 * 1024 * 1024;
  using({ dir, textLimitBytes }, (store) => {
    store.publish(publication('f'));
    const stdout = 'x'.repeat(128 * 1024);
    for (let n = 0; n < 25; n++) {
      store.appendInvocations(
        calls(8, 'f', `${n}-`).map((record) => ({ ...record, stdout })),
        new Map(),
        100,
      );
    }
  });
  t.true(statSync(join(dir, 'invocations.db')).size < 2 * textLimitBytes);
});

test('a value that is no number does not lose the batch', (t) => {
  const dir = temporaryDirectory(t);
  using({ dir }, (store) => {
    store.publish(publication('f'));
    store.appendInvocations([call('1', 'f', { runMs: NaN, invokedAt: 12.7 }), call('2', 'f')], new Map(), 10);
    t.like(store.getInvocation('1'), { runMs: 0, invokedAt: 13 });
    t.truthy(store.getInvocation('2'));
  });
});

test('settings with unknown and without known keys come back as they were written', (t) => {
  const dir = temporaryDirectory(t);
  const { standby, ...fewer } = settings;
  const stored = { ...fewer, fromTheFuture: { x: 1 } } as unknown as FunctionSettings;
  using({ dir }, (store) => store.publish({ ...publication('f'), settings: stored }));
  using({ dir }, (store) => t.deepEqual(store.getFunction('f')?.settings, stored));
  t.is(standby, null);
});

for (const file of ['glambdar.db', 'invocations.db']) {
  test(`a ${file} of a newer release is refused with a sentence and left alone`, (t) => {
    const dir = temporaryDirectory(t);
    using({ dir }, (store) => store.publish(publication('f')));
    sql(join(dir, file), 'CREATE TABLE novelty (x); PRAGMA user_version = 99');
    const error = t.throws(() => openSqliteStore({ dir }), { instanceOf: StartupError });
    t.regex(error.message, new RegExp(`^${file} was written by a newer Glambdar \\(schema 99`));
    t.deepEqual(
      readdirSync(dir).filter((entry) => entry.includes('corrupt')),
      [],
    );
    sql(join(dir, file), 'DROP TABLE novelty; PRAGMA user_version = 1');
    using({ dir }, (store) => t.truthy(store.getFunction('f')));
  });
}

test('databases are readable by their owner only', (t) => {
  const dir = temporaryDirectory(t);
  using({ dir }, (store) => {
    store.publish(publication('f'));
    for (const file of readdirSync(dir)) t.is(statSync(join(dir, file)).mode & 0o777, 0o600, file);
  });
});

test('check throws when glambdar.db was deleted or replaced under the server', (t) => {
  const dir = temporaryDirectory(t);
  using({ dir }, (store) => {
    store.check();
    renameSync(join(dir, 'glambdar.db'), join(dir, 'away'));
    const error = t.throws(() => store.check(), { instanceOf: StoreError });
    t.regex(error.message, /moved or deleted/);
    writeFileSync(join(dir, 'glambdar.db'), '');
    t.throws(() => store.check(), { instanceOf: StoreError });
    rmSync(join(dir, 'glambdar.db'));
    renameSync(join(dir, 'away'), join(dir, 'glambdar.db'));
    t.notThrows(() => store.check());
  });
});

test('a directory without permission is a sentence, not a stack', (t) => {
  if (process.getuid?.() === 0) return t.pass('root may write anywhere');
  const dir = temporaryDirectory(t);
  chmodSync(dir, 0o500);
  const error = t.throws(() => openSqliteStore({ dir }), { instanceOf: StartupError });
  t.regex(error.message, /cannot be/);
});

test('opening a store closes what it opened when it fails, so that a second try works', (t) => {
  const dir = temporaryDirectory(t);
  using({ dir }, () => undefined);
  sql(join(dir, 'invocations.db'), 'PRAGMA user_version = 99');
  t.throws(() => openSqliteStore({ dir }));
  sql(join(dir, 'invocations.db'), 'PRAGMA user_version = 1');
  using({ dir }, (store) => t.notThrows(() => store.check()));
});
