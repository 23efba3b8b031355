import test, { type ExecutionContext } from 'ava';
import { readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { SqliteCallStore } from '../../../../../src/store/sqlite/calls/sqlite-call-store.js';
import { openDatabase } from '../../../../../src/store/sqlite/open-database.js';
import { call, idOf } from '../../builders.js';
import { temporaryDirectory } from '../../temporary.js';
import { damages, patch } from '../damages.js';

const functions = Array.from({ length: 40 }, (_, index) => `f${String(index).padStart(2, '0')}`);
const none = new Map<never, never>();
const counted = new Map([[idOf('f00'), { invokeCount: 3, errorCount: 1, lastInvokedAt: 5 }]]);

/** A directory with records of many calls, closed as a server that stops does. */
async function populated(t: ExecutionContext): Promise<string> {
  const dir = temporaryDirectory(t);
  const store = new SqliteCallStore({ dir });
  for (const name of functions)
    for (let n = 0; n < 10; n++)
      await store.append([call(`${name}-${n}`, name, { stdout: 'x'.repeat(600) })], counted, 100);
  await store.close();
  return dir;
}

/** Opens a store that a warning is expected of; returns the warnings, too. */
function recovering(t: ExecutionContext, dir: string): { store: SqliteCallStore; warnings: string[] } {
  const warnings: string[] = [];
  const warn = (...args: unknown[]): void => void warnings.push(String(args.at(-1)));
  const store = new SqliteCallStore({ dir, logger: { warn } as never });
  t.teardown(() => store.close());
  return { store, warnings };
}

for (const [damage, apply] of Object.entries(damages).filter(([name]) => !name.includes('JSON'))) {
  test(`invocations.db with ${damage} gives way to a new one, at the latest when it is used`, async (t) => {
    const dir = await populated(t);
    apply(join(dir, 'invocations.db'));
    const { store, warnings } = recovering(t, dir);
    await t.notThrowsAsync(async () => {
      await store.listCounters();
      await store.list({ functionId: idOf('f00'), limit: 100 });
      for (const name of functions) await store.append([call(`new-${name}`, name)], counted, 10);
      await store.check();
    });
    t.is((await store.get('new-f07'))?.funcName, 'f07');
    t.true(warnings.length <= 1);
    for (const warning of warnings)
      t.regex(warning, /^invocations\.db was damaged and is kept; .+ start anew in invocations-2\.db\.$/);
  });
}

test('only one damaged database of records is kept', async (t) => {
  const dir = await populated(t);
  for (const file of ['invocations.db', 'invocations-2.db', 'invocations-3.db']) {
    writeFileSync(join(dir, file), 'no database'.repeat(1_000));
    const { store } = recovering(t, dir);
    await store.append([call('x', 'f00')], none, 10);
    await store.close();
  }
  const { store, warnings } = recovering(t, dir);
  t.deepEqual(warnings, []);
  t.truthy(await store.get('x'));
  const kept = readdirSync(dir).filter((entry) => /^invocations.*\.db$/.test(entry));
  t.deepEqual(kept.sort(), ['invocations-3.db', 'invocations-4.db']);
});

test('damage to invocations.db while the server runs costs the records, not the server', async (t) => {
  const dir = await populated(t);
  const { store, warnings } = recovering(t, dir);
  // Every page but the first, behind the back of the open connection; a checkpoint has put the content there before.
  const other = openDatabase(join(dir, 'invocations.db'), 'NORMAL', 0);
  other.exec('PRAGMA wal_checkpoint(TRUNCATE)');
  other.close();
  const file = join(dir, 'invocations.db');
  patch(file, 4096, Buffer.alloc(statSync(file).size - 4096, 0xff));
  await store.append([call('new', 'f01')], none, 10);
  t.is((await store.list({ functionId: idOf('f01'), limit: 10 })).length, 1);
  t.is(warnings.length, 1);
});
