/** The figures of the benchmarks: what a median, a quantile and a verdict are. */
import test from 'ava';
import { verdictOf, type RowSpec } from '../../bench/measurement.js';
import { median, quantile, seededRandom, summary } from '../../bench/statistics.js';

test('the median of an even number of samples lies between the two in the middle', (t) => {
  t.is(median([4, 1, 3, 2]), 2.5);
  t.is(median([9, 1, 5]), 5);
});

test('a quantile is one of the samples, the largest when there are few', (t) => {
  const hundred = Array.from({ length: 100 }, (_, index) => index + 1);
  t.is(quantile(hundred, 0.99), 99);
  t.is(quantile([3, 1, 2], 0.99), 3);
});

test('there is no figure of no samples', (t) => {
  t.throws(() => summary([]), { message: 'there are no samples' });
});

test('random numbers are the same in every run and spread over the whole range', (t) => {
  const [first, second] = [seededRandom(1), seededRandom(1)];
  const numbers = Array.from({ length: 1_000 }, () => first());
  t.deepEqual(
    numbers,
    numbers.map(() => second()),
  );
  t.true(numbers.every((number) => number >= 0 && number < 1));
  t.true(Math.abs(median(numbers) - 0.5) < 0.05);
});

const spec = (bounds: Partial<RowSpec>): RowSpec => ({
  number: 1,
  title: 'a row',
  unit: '',
  limit: 2,
  aim: 1,
  better: 'lower',
  ...bounds,
});

test('a value is told by the best bound it keeps', (t) => {
  t.is(verdictOf(spec({}), 1), 'aim');
  t.is(verdictOf(spec({}), 1.5), 'met');
  t.is(verdictOf(spec({}), 2.1), 'missed');
  t.is(verdictOf(spec({ limit: 95, aim: 100, better: 'higher' }), 96), 'met');
  t.is(verdictOf(spec({ limit: null, aim: null }), 7), 'info');
});
