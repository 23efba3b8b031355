import test from 'ava';
import { type GlambdarError } from '../../../src/errors.js';
import { FunctionLimits } from '../../../src/invocation/function-limits.js';
import { DEFAULT_SETTINGS } from '../../../src/model/function/settings.js';
import type { FunctionRecord } from '../../../src/model/function/function.js';
import type { FunctionSettings } from '../../../src/model/function/settings.js';
import { idOf, record } from '../store/builders.js';

function settings(patch: Partial<FunctionSettings>, name = 'f'): FunctionRecord {
  return record(name, 1, { settings: { ...DEFAULT_SETTINGS, ...patch } });
}

/** Enters as often as it may at that moment. */
function entered(
  limits: FunctionLimits,
  given: FunctionRecord,
  now: number,
): { count: number; error: GlambdarError } {
  for (let count = 0; ; count += 1) {
    try {
      limits.enter(given, now);
    } catch (error) {
      return { count, error: error as GlambdarError };
    }
  }
}

test('a bucket holds a tenth of the rate and fills with it', (t) => {
  const limits = new FunctionLimits();
  const given = settings({ rateLimit: 100 });
  const { count, error } = entered(limits, given, 1_000);
  t.is(count, 10);
  t.like(error, {
    code: 'RATE_LIMITED',
    status: 429,
    retryAfterSeconds: 1,
    message:
      '"f" allows 100 requests per second, 10 at once and then one every 10 ms, as its rateLimit says; try again later.',
  });
  t.is(entered(limits, given, 1_009).count, 0);
  t.is(entered(limits, given, 1_031).count, 3);
  t.is(entered(limits, given, 60_000).count, 10, 'never more than it holds');
});

test('a small rate lets one call in and says how many seconds to wait', (t) => {
  const limits = new FunctionLimits();
  const given = settings({ rateLimit: 0.1 });
  const { count, error } = entered(limits, given, 0);
  t.is(count, 1);
  t.is(error.retryAfterSeconds, 10);
  t.is(entered(limits, given, 4_000).error.retryAfterSeconds, 6);
  t.is(entered(limits, given, 10_000).count, 1);
});

test('a refusal names the pause that the rate leaves between calls', (t) => {
  for (const [rateLimit, says] of [
    [1, '1 request per second, one every 1 s,'],
    [2, '2 requests per second, one every 500 ms,'],
    [3, '3 requests per second, one every 333 ms,'],
    [0.1, '0.1 requests per second, one every 10 s,'],
    [19, '19 requests per second, one every 53 ms,'],
    [20, '20 requests per second, 2 at once and then one every 50 ms,'],
    [5_000, '5000 requests per second, 500 at once and then one every 0.2 ms,'],
  ] as const) {
    const { error } = entered(new FunctionLimits(), settings({ rateLimit }), 0);
    t.is(error.message, `"f" allows ${says} as its rateLimit says; try again later.`);
  }
});

test('a changed rate begins with a full bucket', (t) => {
  const limits = new FunctionLimits();
  t.is(entered(limits, settings({ rateLimit: 10 }), 0).count, 1);
  t.is(entered(limits, settings({ rateLimit: 50 }), 0).count, 5);
  t.notThrows(() => limits.enter(settings({}), 0), 'no rate, no limit');
});

test('as many calls run at once as may', (t) => {
  const limits = new FunctionLimits();
  const given = settings({ maxConcurrency: 2 });
  const { count, error } = entered(limits, given, 0);
  t.is(count, 2);
  t.like(error, { code: 'CONCURRENCY_LIMIT', status: 429, retryAfterSeconds: 1 });
  t.notThrows(() => limits.enter({ ...given, id: idOf('g') }, 0), 'each function for itself');
  limits.leave(idOf('f'));
  t.is(entered(limits, given, 0).count, 1);
  t.is(
    entered(limits, settings({ maxConcurrency: 3 }), 0).count,
    1,
    'calls under way count when the limit changes',
  );
});

test('a call refused for one limit takes nothing of the other', (t) => {
  const limits = new FunctionLimits();
  const given = settings({ maxConcurrency: 1, rateLimit: 1 });
  limits.enter(given, 0);
  limits.leave(idOf('f'));
  t.is(entered(limits, given, 0).error.code, 'RATE_LIMITED');
  t.is(entered(limits, given, 1_000).count, 1, 'the place was not taken');
  limits.enter(settings({ maxConcurrency: 1 }, 'g'), 0);
  t.throws(() => limits.enter({ ...given, id: idOf('g') }, 0), { code: 'CONCURRENCY_LIMIT' } as never);
  limits.leave(idOf('g'));
  t.notThrows(() => limits.enter({ ...given, id: idOf('g') }, 0), 'the token was not taken');
});

test('what is remembered is dropped only when nothing runs', (t) => {
  const limits = new FunctionLimits();
  const given = settings({ maxConcurrency: 1 });
  limits.enter(given, 0);
  limits.forget(idOf('f'));
  t.throws(() => limits.enter(given, 0));
  limits.leave(idOf('f'));
  limits.forget(idOf('f'));
  limits.leave(idOf('f'));
  t.is(entered(limits, given, 0).count, 1);
});
