import test from 'ava';
import { Catalogue, versionKey } from '../../../src/registry/catalogue.js';
import type { FunctionRecord } from '../../../src/model/records.js';
import { settings, version } from '../store/builders.js';

function record(name: string, number = 1): FunctionRecord {
  return { name, createdAt: 1, updatedAt: number, active: version(name, number), settings };
}

test('functions are listed by name and found by it alone', (t) => {
  const catalogue = new Catalogue();
  for (const name of ['b', 'a', 'B', '__proto__', 'constructor']) catalogue.set(record(name));
  t.deepEqual(
    catalogue.list().map(({ name }) => name),
    ['B', '__proto__', 'a', 'b', 'constructor'],
  );
  t.is(catalogue.get('__proto__').name, '__proto__');
  t.is(catalogue.find('toString'), undefined);
  for (const use of [(name: string) => catalogue.get(name), (name: string) => catalogue.lease(name)])
    t.throws(() => use('toString'), { code: 'FUNCTION_NOT_FOUND', message: 'Function not found!' } as never);
});

test('counters outlive a redeploy and end with the function', (t) => {
  const catalogue = new Catalogue();
  catalogue.set(record('f'), { invokeCount: 5, errorCount: 1, lastInvokedAt: 9 });
  catalogue.counters('f')!.invokeCount += 1;
  catalogue.set(record('f', 2));
  t.is(catalogue.counters('f')?.invokeCount, 6);
  catalogue.delete('f');
  t.is(catalogue.counters('f'), undefined);
  catalogue.set(record('f'));
  t.deepEqual(catalogue.counters('f'), { invokeCount: 0, errorCount: 0, lastInvokedAt: null });
});

test('a lease keeps its version across a redeploy and a delete', (t) => {
  const catalogue = new Catalogue();
  catalogue.set(record('f'));
  const [first, second] = [catalogue.lease('f'), catalogue.lease('f')];
  t.true(catalogue.isActive(first.record.active));
  catalogue.set(record('f', 2));
  t.false(catalogue.isActive(first.record.active));
  t.is(first.record.active.version, 1);
  t.is(catalogue.lease('f').record.active.version, 2);
  catalogue.delete('f');
  t.false(catalogue.isActive(version('f', 2)));
  let freed = 0;
  catalogue.whenFree(first.record.active, () => (freed += 1));
  first.release();
  first.release();
  t.is(freed, 0, 'releasing twice is releasing once');
  second.release();
  t.is(freed, 1);
});

test('a version nobody leases is free at once', (t) => {
  const catalogue = new Catalogue();
  catalogue.set(record('f'));
  let freed = 0;
  catalogue.whenFree(version('f'), () => (freed += 1));
  t.is(freed, 1);
  catalogue.lease('f').release();
  t.is(freed, 1, 'and told of once');
});

test('the same number of another incarnation is another version', (t) => {
  const before = version('f');
  const after = { ...before, createdAt: before.createdAt + 1 };
  t.not(versionKey(before), versionKey(after));
  const catalogue = new Catalogue();
  catalogue.set(record('f'));
  const lease = catalogue.lease('f');
  let freed = false;
  catalogue.whenFree(after, () => (freed = true));
  t.true(freed);
  lease.release();
});
