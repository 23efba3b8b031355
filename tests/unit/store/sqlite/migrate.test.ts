import test from 'ava';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { StartupError } from '../../../../src/model/startup-error.js';
import type { Database } from '../../../../src/store/sqlite/binding.js';
import { callMigrations } from '../../../../src/store/sqlite/calls/call-schema.js';
import { SqliteCallStore } from '../../../../src/store/sqlite/calls/sqlite-call-store.js';
import { functionMigrations } from '../../../../src/store/sqlite/functions/function-schema.js';
import { SqliteFunctionStore } from '../../../../src/store/sqlite/functions/sqlite-function-store.js';
import { migrate, refuseNewer, schemaVersion } from '../../../../src/store/sqlite/migrate.js';
import { openDatabase } from '../../../../src/store/sqlite/open-database.js';
import { call, idOf, record, version } from '../builders.js';
import { temporaryDirectory } from '../temporary.js';

const steps = [
  'CREATE TABLE a (x INTEGER)',
  'ALTER TABLE a ADD COLUMN y INTEGER DEFAULT 7',
  'CREATE TABLE b AS SELECT x + y AS z FROM a',
];

function fixture(name: string): string {
  return readFileSync(new URL(`fixtures/${name}`, import.meta.url), 'utf8');
}

function schemaOf(db: Database): unknown[] {
  return db.prepare('SELECT type, name, sql FROM sqlite_schema ORDER BY type, name').all();
}

test('a database of any older schema is brought to the newest with its content', (t) => {
  for (const from of [1, 2, 3]) {
    const db = openDatabase(join(temporaryDirectory(t), 'x.db'), 'NORMAL', 0);
    migrate(db, steps.slice(0, from));
    db.exec('INSERT INTO a (x) VALUES (1)');
    migrate(db, steps);
    t.is(schemaVersion(db), 3);
    t.deepEqual(db.prepare('SELECT * FROM a').all(), [{ x: 1, y: 7 }]);
    if (from < 3) t.deepEqual(db.prepare('SELECT * FROM b').all(), [{ z: 8 }]);
    db.close();
  }
});

test('a step may replace a table that others refer to, and one that leaves rows referring to nothing fails', (t) => {
  const db = openDatabase(join(temporaryDirectory(t), 'x.db'), 'NORMAL', 0);
  const first = `
    CREATE TABLE parent (id INTEGER PRIMARY KEY);
    CREATE TABLE child (parent INTEGER REFERENCES parent ON DELETE CASCADE)`;
  migrate(db, [first]);
  db.exec('INSERT INTO parent VALUES (1); INSERT INTO child VALUES (1)');
  const replace = 'DROP TABLE parent; CREATE TABLE parent (id INTEGER PRIMARY KEY, more TEXT)';
  t.throws(() => migrate(db, [first, replace]));
  t.is(schemaVersion(db), 1);
  migrate(db, [first, (database) => database.exec(`${replace}; INSERT INTO parent VALUES (1, 'x')`)]);
  t.deepEqual(db.prepare('SELECT * FROM child').all(), [{ parent: 1 }]);
  t.throws(() => db.exec('INSERT INTO child VALUES (2)'), undefined, 'keys are enforced again');
  db.close();
});

test('a step that fails leaves the schema before it', (t) => {
  const db = openDatabase(join(temporaryDirectory(t), 'x.db'), 'NORMAL', 0);
  migrate(db, steps.slice(0, 1));
  t.throws(() => migrate(db, [...steps.slice(0, 2), 'CREATE TABLE c (x); INSERT INTO nowhere VALUES (1)']));
  t.is(schemaVersion(db), 2);
  t.deepEqual(db.prepare("SELECT name FROM sqlite_schema WHERE name = 'c'").all(), []);
  db.close();
});

test('a new database and its first content come in one transaction', (t) => {
  const db = openDatabase(join(temporaryDirectory(t), 'x.db'), 'NORMAL', 0);
  t.throws(() =>
    migrate(db, steps, () => {
      throw new Error('crash');
    }),
  );
  t.is(schemaVersion(db), 0);
  t.deepEqual(schemaOf(db), []);
  let filled = 0;
  migrate(db, steps, () => filled++);
  migrate(db, steps, () => filled++);
  t.is(filled, 1);
  db.close();
});

test('a database of a newer release is refused, one of this release is not', (t) => {
  const db = openDatabase(join(temporaryDirectory(t), 'x.db'), 'NORMAL', 0);
  migrate(db, steps);
  t.notThrows(() => refuseNewer(db, steps, 'x.db'));
  t.throws(() => refuseNewer(db, steps.slice(0, 2), 'x.db'), {
    instanceOf: StartupError,
    message: /newer Glambdar/,
  });
  db.close();
});

// A fixture is what the first release with that schema wrote. It is never changed; a new schema adds a new one.
for (const schema of [1]) {
  test(`databases of schema ${schema} are opened with everything in them`, async (t) => {
    const dir = temporaryDirectory(t);
    for (const name of ['glambdar', 'invocations']) {
      const db = openDatabase(join(dir, `${name}.db`), 'FULL', 0);
      db.exec(fixture(`${name}-v${schema}.sql`));
      db.close();
    }
    const functions = new SqliteFunctionStore({ dir, readRestored: () => ({ functions: [], lost: [] }) });
    t.teardown(() => functions.close());
    t.is(functions.recovered, null);
    const expected = record('hello', 2);
    // The settings stay as that release wrote them; the registry adds those that came later.
    const settings: Partial<typeof expected.settings> = { ...expected.settings };
    delete settings.installScripts;
    delete settings.public;
    delete settings.cors;
    const [listed, ...others] = await functions.list();
    t.deepEqual<unknown, unknown>(listed, { ...expected, settings });
    t.deepEqual(others, []);
    t.deepEqual(await functions.listVersions(idOf('hello')), [version('hello', 2), version('hello', 1)]);
    const calls = new SqliteCallStore({ dir });
    t.teardown(() => calls.close());
    t.deepEqual(
      await calls.listCounters(),
      new Map([[idOf('hello'), { invokeCount: 2, errorCount: 1, lastInvokedAt: 1_700_000_000_000 }]]),
    );
    t.deepEqual(await calls.list({ functionId: idOf('hello'), limit: 10 }), [
      call('second', 'hello', {
        method: null,
        path: null,
        status: 500,
        outcome: 'function_error',
        stdout: 'out',
        stderr: 'err',
        error: { code: 'FUNCTION_ERROR', message: 'no', stack: 'at x' },
      }),
      call('first', 'hello', { method: null, path: null }),
    ]);
  });

  test(`databases of schema ${schema} have the same tables after migration as new ones`, (t) => {
    for (const [name, migrations] of [
      ['glambdar', functionMigrations],
      ['invocations', callMigrations],
    ] as const) {
      const dir = temporaryDirectory(t);
      const old = openDatabase(join(dir, 'old.db'), 'FULL', 0);
      old.exec(fixture(`${name}-v${schema}.sql`));
      migrate(old, migrations);
      const fresh = openDatabase(join(dir, 'new.db'), 'FULL', 0);
      migrate(fresh, migrations);
      const squeezed = (db: Database): string => JSON.stringify(schemaOf(db)).replaceAll(/(\\n|\s)+/g, ' ');
      t.is(squeezed(old), squeezed(fresh));
      old.close();
      fresh.close();
    }
  });
}
