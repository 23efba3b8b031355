import test from 'ava';
import fc from 'fast-check';
import { NamespaceLimits } from '../../../src/invocation/namespace-limits.js';

const limits = (quota: { concurrentCalls?: number; callsPerMinute?: number }) =>
  new NamespaceLimits((namespace) =>
    namespace === 'free'
      ? { concurrentCalls: null, callsPerMinute: null }
      : { concurrentCalls: null, callsPerMinute: null, ...quota },
  );

test('a namespace has as many calls at once as its quota says, whatever others have', (t) => {
  const namespaces = limits({ concurrentCalls: 2 });
  namespaces.enter('a', 0);
  namespaces.enter('a', 0);
  const error = t.throws(() => namespaces.enter('a', 0), { code: 'CONCURRENCY_LIMIT' });
  t.is(
    error?.message,
    'The functions of this namespace already run 2 calls at once, and its quota is 2; try again later.',
  );
  namespaces.enter('b', 0);
  for (let call = 0; call < 100; call += 1) namespaces.enter('free', 0);
  t.is(namespaces.running('a'), 2, 'a refused call takes nothing');
  namespaces.leave('a');
  t.notThrows(() => namespaces.enter('a', 0));
});

test('a namespace has as many calls a minute as its quota says, and is told when to come again', (t) => {
  const namespaces = limits({ callsPerMinute: 60 });
  for (let call = 0; call < 60; call += 1) namespaces.enter('a', 1_000);
  const error = t.throws(() => namespaces.enter('a', 1_000), { code: 'RATE_LIMITED' });
  t.like(error, {
    message:
      'The functions of this namespace were called 60 times within a minute, and its quota is 60; try again later.',
    retryAfterSeconds: 61,
  });
  t.throws(() => namespaces.enter('a', 61_000), { code: 'RATE_LIMITED' });
  t.notThrows(() => namespaces.enter('a', 62_000));
  t.throws(() => namespaces.enter('a', 62_000), { code: 'RATE_LIMITED' });
  t.notThrows(() => namespaces.enter('a', 200_000));
});

test('a quota of 0 calls lets none in', (t) => {
  t.throws(() => limits({ callsPerMinute: 0 }).enter('a', 0), { code: 'RATE_LIMITED' });
  t.throws(() => limits({ concurrentCalls: 0 }).enter('a', 0), { code: 'CONCURRENCY_LIMIT' });
});

test('within any minute there are at most twice as many calls as the quota, and none is refused after the time told', (t) => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 20 }),
      fc.array(fc.integer({ min: 0, max: 20_000 })),
      (quota, gaps) => {
        const namespaces = limits({ callsPerMinute: quota });
        const passed: number[] = [];
        let now = 0;
        for (const gap of gaps) {
          now += gap;
          try {
            namespaces.enter('a', now);
            passed.push(now);
          } catch (error) {
            now += 1000 * (error as { retryAfterSeconds: number }).retryAfterSeconds;
            namespaces.enter('a', now);
            passed.push(now);
          }
        }
        for (const start of passed) {
          const within = passed.filter((at) => at >= start && at < start + 60_000).length;
          if (within > 2 * quota) return false;
        }
        return true;
      },
    ),
  );
  t.pass();
});

test('a call that another limit refuses does not count in its minute', (t) => {
  const namespaces = limits({ callsPerMinute: 1 });
  namespaces.enter('a', 0);
  namespaces.withdraw('a');
  t.is(namespaces.running('a'), 0);
  t.notThrows(() => namespaces.enter('a', 0));
  t.throws(() => namespaces.enter('a', 0), { code: 'RATE_LIMITED' });
});
