import test from 'ava';
import { ShortCalls } from '../../../../src/pool/act/short-calls.js';
import { ManualClock } from '../../../helpers/manual-clock.js';

/** Calls of these functions wait while a call of each of them has run for long. */
function waiting(...keys: string[]) {
  const clock = new ManualClock();
  const places = (): unknown[] =>
    keys.map((key) => ({ waiter: { request: { workload: { code: { key }, reuse: true } } } }));
  const queue = {
    list: places,
    get length() {
      return keys.length;
    },
  };
  const instance = { state: 'busy', since: clock.now() - 5_000, ahead: 0, recall: () => undefined };
  const fleet = { all: ['brief', 'other'].map((codeKey) => ({ ...instance, codeKey })) };
  const demands = { atOnce: (key: string) => ({ slowMs: key === 'brief' ? 20 : 1_000 }) };
  let passes = 0;
  const calls = new ShortCalls({ fleet, demands, queue, clock } as never, () => (passes += 1));
  for (const key of keys) calls.watch({ code: { key } } as never, clock.now());
  return { clock, keys, passes: () => passes };
}

test('slow calls are looked for as often as those that wait need it', (t) => {
  const { clock, keys, passes } = waiting('brief', 'other');
  clock.move(1_000);
  t.is(passes(), 50);
  keys.shift();
  clock.move(10_000);
  t.true(passes() <= 61, 'the brief call waits no more');
  keys.shift();
  clock.move(10_000);
  t.true(passes() <= 61, 'nobody waits');
});
