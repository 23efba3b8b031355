import test from 'ava';
import fc from 'fast-check';
import { UidAllocator } from '../../../src/instance/uid-allocator.js';

test('uids begin at the base and a given one comes back last', (t) => {
  const uids = new UidAllocator(200_000);
  t.deepEqual([uids.take(), uids.take()], [200_000, 200_001]);
  uids.give(200_000);
  t.is(uids.take(), 200_002);
});

test('all uids are handed out once before it is refused to give one twice', (t) => {
  const uids = new UidAllocator(1_000);
  const taken = new Set(Array.from({ length: 20_000 }, () => uids.take()));
  t.is(taken.size, 20_000);
  t.is(Math.max(...taken), 20_999);
  t.throws(() => uids.take(), { message: /all 20000 uids are in use/ });
  uids.give(1_234);
  t.is(uids.take(), 1_234);
});

test('two instances alive never share a uid', (t) => {
  fc.assert(
    fc.property(fc.array(fc.option(fc.nat(50)), { maxLength: 300 }), (steps) => {
      const uids = new UidAllocator(1_000);
      const alive: number[] = [];
      for (const step of steps) {
        if (step === null || alive.length === 0) alive.push(uids.take());
        else uids.give(alive.splice(step % alive.length, 1)[0]!);
        t.is(new Set(alive).size, alive.length);
      }
    }),
  );
});
