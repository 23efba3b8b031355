import test from 'ava';
import fc from 'fast-check';
import { DecayingRate } from '../../../../src/pool/demand/decaying-rate.js';

/** After so many events, one every `everyMs`; and when the last was. */
function steady(seconds: number, everyMs: number, count: number): { rate: DecayingRate; at: number } {
  const rate = new DecayingRate(seconds);
  let at = 5_000;
  for (let n = 0; n < count; n += 1) rate.add((at += everyMs));
  return { rate, at };
}

test('nothing has no rate', (t) => {
  t.is(new DecayingRate(10).perSecond(123_456), 0);
});

test('a steady rate is found after a few times the memory', (t) => {
  const { rate, at } = steady(10, 50, 20 * 60);
  t.true(Math.abs(rate.perSecond(at + 25) - 20) < 0.2, `${rate.perSecond(at)}`);
});

test('any steady rate is met on average', (t) => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 300 }), fc.integer({ min: 10, max: 2_000 }), (seconds, everyMs) => {
      const { rate, at } = steady(seconds, everyMs, Math.ceil((10 * seconds * 1000) / everyMs));
      const trueRate = 1000 / everyMs;
      // Right after an event it is above the mean, right before the next one below.
      t.true(rate.perSecond(at) >= trueRate * 0.999);
      t.true(rate.perSecond(at + everyMs) <= trueRate * 1.001);
    }),
    { numRuns: 30 },
  );
});

test('it fades to a third in the time of its memory', (t) => {
  const { rate, at } = steady(10, 100, 1_000);
  const before = rate.perSecond(at);
  t.true(Math.abs(rate.perSecond(at + 10_000) / before - Math.exp(-1)) < 1e-9);
  t.true(rate.perSecond(at + 1_000_000) < 1e-9);
});

test('a long memory rises and fades slower than a short one', (t) => {
  const short = steady(10, 100, 50);
  const long = steady(300, 100, 50);
  t.true(short.rate.perSecond(short.at) > long.rate.perSecond(long.at));
  const after = short.at + 60_000;
  t.true(short.rate.perSecond(after) < long.rate.perSecond(after));
});

test('asking does not change it, and a clock that stands back does not let it grow', (t) => {
  const { rate, at } = steady(10, 100, 10);
  const value = rate.perSecond(at);
  t.is(rate.perSecond(at), value);
  t.is(rate.perSecond(at - 1_000), value);
});
