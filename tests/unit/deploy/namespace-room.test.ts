import test from 'ava';
import { NamespaceRoom } from '../../../src/deploy/namespace-room.js';
import type { FunctionRecord } from '../../../src/model/function/function.js';

const record = (name: string, sizeBytes: number, namespace = 'ns', type = 'bundle'): FunctionRecord =>
  ({ ref: { namespace, name }, active: { sizeBytes, source: { type } } }) as unknown as FunctionRecord;

function setUp(quota: { functions?: number; bundleBytes?: number }, ...records: FunctionRecord[]) {
  const room = new NamespaceRoom({
    records: () => records,
    quotaOf: () => ({ functions: null, bundleBytes: null, ...quota }),
  });
  return { room, records };
}

test('a namespace has as many functions as its quota says, and may deploy those it has again', (t) => {
  const { room } = setUp({ functions: 2 }, record('a', 1), record('b', 1), record('x', 1, 'other'));
  t.like(
    t.throws(() => room.take(record('c', 1))),
    {
      code: 'QUOTA_EXCEEDED',
      status: 403,
      message:
        'This namespace has 2 functions, and its quota is 2. Delete one first, or ask an admin for more.',
    },
  );
  t.notThrows(() => room.take(record('a', 5)));
  t.notThrows(() => room.take(record('y', 1, 'other')));
});

test('deploys side by side do not overshoot, and one that fails gives its room back', (t) => {
  const { room, records } = setUp({ functions: 2 }, record('a', 1));
  const giveBack = room.take(record('b', 1));
  t.throws(() => room.take(record('c', 1)), { code: 'QUOTA_EXCEEDED' });
  giveBack();
  const published = room.take(record('c', 1));
  records.push(record('c', 1));
  published();
  t.throws(() => room.take(record('b', 1)), { code: 'QUOTA_EXCEEDED' });
});

test('code has as many bytes as the quota says; a smaller version always fits', (t) => {
  const { room, records } = setUp({ bundleBytes: 100 }, record('a', 60), record('b', 30));
  t.is(
    t.throws(() => room.take(record('c', 11)), { code: 'QUOTA_EXCEEDED' })?.message,
    'This namespace has 101 bytes of code with this deploy, and its quota is 100. Make it smaller, delete a function, or ask an admin for more.',
  );
  const giveBack = room.take(record('c', 10));
  t.throws(() => room.take(record('a', 61)), { code: 'QUOTA_EXCEEDED' });
  giveBack();
  t.notThrows(() => room.take(record('a', 70))());
  records[0] = record('a', 200);
  t.notThrows(() => room.take(record('a', 199)));
});

test('images count as functions, and their layers as nobody’s bytes', (t) => {
  const { room } = setUp({ functions: 2, bundleBytes: 10 }, record('i', 1e9, 'ns', 'image'));
  t.deepEqual(room.used('ns'), { functions: 1, bundleBytes: 0 });
  t.notThrows(() => room.take(record('a', 10)));
});
