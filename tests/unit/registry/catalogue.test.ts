import test from 'ava';
import { Catalogue } from '../../../src/registry/catalogue.js';
import { idOf, record, refOf, version } from '../store/builders.js';

test('functions are listed by name and found by it alone', (t) => {
  const catalogue = new Catalogue();
  for (const name of ['b', 'a', 'B', '__proto__', 'constructor']) catalogue.set(record(name));
  t.deepEqual(
    catalogue.list().map(({ ref }) => ref.name),
    ['B', '__proto__', 'a', 'b', 'constructor'],
  );
  t.is(catalogue.get(refOf('__proto__')).ref.name, '__proto__');
  t.is(catalogue.find(refOf('toString')), undefined);
  t.throws(() => catalogue.get(refOf('toString')), {
    code: 'FUNCTION_NOT_FOUND',
    message: 'Function not found!',
  } as never);
});

test('the same name in two namespaces is two functions', (t) => {
  const catalogue = new Catalogue();
  catalogue.set(record('f'));
  catalogue.set(record('f', 1, { id: idOf('f', 2), ref: refOf('f', 'team') }));
  t.is(catalogue.get(refOf('f')).id, idOf('f'));
  t.is(catalogue.get(refOf('f', 'team')).id, idOf('f', 2));
  t.is(catalogue.find(refOf('f', 'other')), undefined);
});

test('counters outlive a redeploy and end with the function', (t) => {
  const catalogue = new Catalogue();
  catalogue.set(record('f'), { invokeCount: 5, errorCount: 1, lastInvokedAt: 9 });
  catalogue.counters(idOf('f'))!.invokeCount += 1;
  catalogue.set(record('f', 2));
  t.is(catalogue.counters(idOf('f'))?.invokeCount, 6);
  catalogue.delete(record('f', 2));
  t.is(catalogue.counters(idOf('f')), undefined);
  const again = record('f', 1, { id: idOf('f', 2_000), active: version('f', 1, 2_000) });
  catalogue.set(again);
  t.deepEqual(catalogue.counters(again.id), { invokeCount: 0, errorCount: 0, lastInvokedAt: null });
  t.is(catalogue.counters(idOf('f')), undefined);
});

test('a version is active until another one is, or the function is deleted or deployed again', (t) => {
  const catalogue = new Catalogue();
  catalogue.set(record('f'));
  t.true(catalogue.isActive(version('f')));
  catalogue.set(record('f', 2));
  t.false(catalogue.isActive(version('f')));
  catalogue.delete(record('f', 2));
  t.false(catalogue.isActive(version('f', 2)));
  catalogue.set(record('f', 2, { id: idOf('f', 2_000), active: version('f', 2, 2_000) }));
  t.false(catalogue.isActive(version('f', 2)));
});

test('a name that differs in letter case only is told, within its namespace', (t) => {
  const catalogue = new Catalogue();
  catalogue.set(record('todo'));
  const missing = (ref: ReturnType<typeof refOf>): string => t.throws(() => catalogue.get(ref)).message;
  t.is(missing(refOf('Todo')), 'Function not found! Did you mean "todo"? GET /info lists the names.');
  t.is(missing(refOf('Todo', 'team')), 'Function not found!');
});
