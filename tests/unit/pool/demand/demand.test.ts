import test from 'ava';
import fc from 'fast-check';
import { Demand } from '../../../../src/pool/demand/demand.js';
import { workload } from '../../../helpers/pool-fixture.js';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const KEEP_ALIVE = 10 * MINUTE;
const AWAY = 100;
const MOST = 32;
/** All of them are activated then. */
const START = 1e9;

const demanding = (options: Parameters<typeof workload>[0] = {}, lastAt = START): Demand =>
  new Demand(workload(options), KEEP_ALIVE, lastAt);

/** One call after each of the pauses; returns when the last came. */
function calls(demand: Demand, pauses: number[], from = START): number {
  return pauses.reduce((at, pause) => {
    demand.arrived(at + pause, AWAY);
    return at + pause;
  }, from);
}

const times = (count: number, pause: number): number[] => Array.from({ length: count }, () => pause);

test('a function counts as in use for the configured time until its own pauses are known', (t) => {
  const demand = demanding();
  t.is(demand.windowMs(), KEEP_ALIVE);
  t.true(demand.inUse(START + KEEP_ALIVE - 1));
  t.false(demand.inUse(START + KEEP_ALIVE));
  const at = calls(demand, times(9, 5 * MINUTE));
  t.is(demand.windowMs(), KEEP_ALIVE, 'nine pauses are too few');
  calls(demand, [5 * MINUTE], at);
  t.is(demand.windowMs(), 5 * MINUTE);
});

test('then as long as 99 of 100 of its pauses were', (t) => {
  const demand = demanding();
  const at = calls(demand, [...times(98, 2 * MINUTE), 3 * MINUTE, 30 * MINUTE]);
  t.is(demand.windowMs(), 3 * MINUTE);
  t.true(demand.inUse(at + 3 * MINUTE - 1));
  t.false(demand.inUse(at + 3 * MINUTE));
});

test('at least for a minute, at most for four hours', (t) => {
  const busy = demanding();
  calls(busy, times(20, 5_000));
  t.is(busy.windowMs(), MINUTE);
  const daily = demanding();
  calls(daily, times(20, 24 * HOUR));
  t.is(daily.windowMs(), 4 * HOUR);
});

test('the gaps inside a burst are not pauses', (t) => {
  const demand = demanding();
  let at = START;
  for (let n = 0; n < 10; n += 1) at = calls(demand, [20 * MINUTE, ...times(50, 200)], at);
  t.is(demand.windowMs(), 20 * MINUTE);
});

test('old pauses are forgotten', (t) => {
  const demand = demanding();
  const at = calls(demand, times(50, HOUR));
  calls(demand, times(200, 2 * MINUTE), at);
  t.is(demand.windowMs(), 2 * MINUTE);
});

test('one that was never used has no pause before its first call', (t) => {
  const demand = demanding({}, -Infinity);
  t.false(demand.inUse(START));
  t.is(demand.wanted(START, AWAY, MOST), 0);
  calls(demand, times(10, 2 * MINUTE));
  t.is(demand.windowMs(), KEEP_ALIVE, 'nine pauses are between ten calls');
});

test('one is wanted while a function is in use, and none after', (t) => {
  const demand = demanding();
  t.is(demand.wanted(START, AWAY, MOST), 1);
  t.is(demand.wanted(START + KEEP_ALIVE - 1, AWAY, MOST), 1);
  t.is(demand.wanted(START + KEEP_ALIVE, AWAY, MOST), 0);
  demand.arrived(START + KEEP_ALIVE + 1, AWAY);
  t.is(demand.wanted(START + KEEP_ALIVE + 1, AWAY, MOST), 1, 'a call brings it back');
});

test('many calls a second want many', (t) => {
  const demand = demanding();
  const at = calls(demand, times(2_000, 50));
  // 20 a second, each away for 0.1 s: 2 erlang need 7 to lose 1 of 100.
  t.is(demand.wanted(at, AWAY, MOST), 7);
  t.is(demand.wanted(at, AWAY, 3), 3, 'but no more than may be');
  t.is(demand.wanted(at + 2 * MINUTE, AWAY, MOST), 3, 'and fewer when they stop');
  t.is(demand.wanted(at + 9 * MINUTE, AWAY, MOST), 2);
  t.is(demand.wanted(at + KEEP_ALIVE, AWAY, MOST), 0);
});

test('the rate is that of seconds or of minutes, whichever is more', (t) => {
  const demand = demanding();
  const at = calls(demand, times(20_000, 50));
  t.true(Math.abs(demand.rate(at) - 20) < 0.5);
  t.true(demand.rate(at + 30_000) > 15, 'it does not collapse within a pause');
  const sudden = demanding();
  t.true(sudden.rate(calls(sudden, times(100, 50))) > 5, 'and rises within seconds');
});

test('as many are wanted as came at once, whatever the rate', (t) => {
  const demand = demanding();
  const at = calls(demand, [MINUTE, ...times(11, 5)]);
  t.is(demand.wanted(at, AWAY, MOST), 12);
  t.is(Math.round(demand.burst(at)), 12);
});

test('a burst is remembered for minutes, and fades', (t) => {
  const demand = demanding();
  const at = calls(demand, [MINUTE, ...times(11, 5)]);
  t.is(demand.wanted(at + MINUTE, AWAY, MOST), 10);
  t.is(demand.wanted(at + 9 * MINUTE, AWAY, MOST), 2);
  calls(demand, [2 * MINUTE, ...times(3, 5)], at);
  t.is(Math.round(demand.burst(at + 2 * MINUTE)), 8, 'a smaller one does not hide it');
});

test('calls that come one by one are not a burst', (t) => {
  const demand = demanding();
  const at = calls(demand, times(100, 2 * AWAY));
  t.is(Math.round(demand.burst(at)), 1);
});

test('what is called at once is counted over the time one is really away', (t) => {
  const demand = demanding();
  demand.wasAway(1_000);
  const at = calls(demand, times(8, 200));
  t.is(Math.round(demand.burst(at)), 6);
});

test('fewer are wanted the sooner one is back', (t) => {
  const slow = demanding();
  slow.wasAway(1_000);
  const fast = demanding();
  fast.wasAway(20);
  const at = calls(slow, times(2_000, 50));
  calls(fast, times(2_000, 50));
  t.is(slow.wanted(at, AWAY, MOST), 30);
  t.is(fast.wanted(at, AWAY, MOST), 3);
  for (let n = 0; n < 50; n += 1) fast.wasAway(1_000);
  t.is(fast.wanted(at, AWAY, MOST), 30, 'and what has become slower is learnt');
});

test('a number that was asked for is meant exactly, in use or not', (t) => {
  for (const standby of [0, 1, 7]) {
    const demand = demanding({ standby });
    t.is(demand.wanted(START, AWAY, MOST), standby);
    t.is(demand.wanted(START + 24 * HOUR, AWAY, MOST), standby);
    const at = calls(demand, [MINUTE, ...times(50, 5)]);
    t.is(demand.wanted(at, AWAY, MOST), standby);
  }
  t.is(demanding({ standby: 100 }).wanted(START, AWAY, MOST), MOST, 'as far as there may be that many');
});

test('after loading ahead failed it rests for twice as long each time', (t) => {
  const demand = demanding();
  let at = START;
  for (const seconds of [2, 4, 8, 16, 32, 64, 128, 256, 300, 300]) {
    demand.loading.failed(at);
    t.is(demand.target(at, AWAY, MOST), 0);
    at += seconds * 1000;
    t.is(demand.target(at - 1, AWAY, MOST), 0);
    demand.arrived(at, AWAY);
    t.true(demand.target(at, AWAY, MOST) > 0);
  }
});

test('failures that end together count once', (t) => {
  const demand = demanding();
  for (let n = 0; n < 5; n += 1) demand.loading.failed(START + n);
  t.is(demand.target(START + 1_999, AWAY, MOST), 0);
  t.is(demand.target(START + 2_000, AWAY, MOST), 1);
});

test('while loading ahead rests, as many are still wanted', (t) => {
  const demand = demanding({ standby: 3 });
  demand.loading.failed(START);
  t.is(demand.target(START, AWAY, MOST), 0);
  t.is(demand.wanted(START, AWAY, MOST), 3);
});

test('a success or a new version ends the rest, new settings do not', (t) => {
  const demand = demanding();
  demand.loading.failed(START);
  demand.replace(workload({ standby: 2 }), START + 1);
  t.is(demand.target(START + 1, AWAY, MOST), 0);
  demand.replace(workload({ key: 'next' }), START + 2);
  t.is(demand.target(START + 2, AWAY, MOST), 1);
  demand.loading.failed(START + 3);
  demand.loading.reset();
  t.is(demand.target(START + 3, AWAY, MOST), 1);
  demand.loading.failed(START + 4);
  t.is(demand.target(START + 2_004, AWAY, MOST), 1, 'and the next rest is a short one again');
});

test('a new version keeps what is known of the calls', (t) => {
  const demand = demanding();
  const at = calls(demand, [...times(20, 5 * MINUTE), ...times(9, 5)]);
  demand.replace(workload({ key: 'next' }), at);
  t.is(demand.windowMs(), 5 * MINUTE);
  t.is(demand.wanted(at, AWAY, MOST), 10);
  t.is(demand.workload.code.key, 'next');
});

test('the first ready instance is needed by every call, each further one by fewer', (t) => {
  const demand = demanding();
  const at = calls(demand, times(2_000, 50));
  const rate = demand.rate(at);
  t.is(demand.rateOf(1, at, AWAY), rate);
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 100 }), (n) => {
      t.true(demand.rateOf(n + 1, at, AWAY) < demand.rateOf(n, at, AWAY));
    }),
  );
});

test('one that is called rarely counts as called once in its window', (t) => {
  const demand = demanding();
  t.is(demand.rateOf(1, START, AWAY), 1000 / KEEP_ALIVE);
});

test('whatever calls come, what is wanted stays within bounds', (t) => {
  const pause = fc.oneof(fc.nat(300), fc.nat(2 * HOUR));
  fc.assert(
    fc.property(fc.array(pause, { maxLength: 300 }), fc.integer({ min: 1, max: 40 }), (pauses, most) => {
      const demand = demanding();
      const at = calls(demand, pauses);
      const wanted = demand.wanted(at, AWAY, most);
      t.true(Number.isInteger(wanted) && wanted >= 1 && wanted <= most);
      t.true(demand.windowMs() >= MINUTE && demand.windowMs() <= 4 * HOUR);
      t.is(demand.wanted(at + demand.windowMs(), AWAY, most), 0);
    }),
  );
});
