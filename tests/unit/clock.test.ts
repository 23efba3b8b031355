import test from 'ava';
import { deadline, systemClock } from '../../src/clock.js';
import { ManualClock } from '../helpers/manual-clock.js';

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(() => setImmediate(resolve)));

test('a deadline is over when its time has passed', async (t) => {
  const clock = new ManualClock();
  let expired = 0;
  deadline(clock, 100, () => (expired += 1));
  clock.move(99);
  await turn();
  t.is(expired, 0);
  clock.move(1);
  await turn();
  t.is(expired, 1);
});

test('sockets are read once more before a deadline is over', async (t) => {
  const clock = new ManualClock();
  let expired = 0;
  const cancel = deadline(clock, 100, () => (expired += 1));
  clock.move(100);
  cancel();
  await turn();
  t.is(expired, 0);
});

test('a stall of the process is not counted', async (t) => {
  const clock = new ManualClock();
  let expired = 0;
  deadline(clock, 10_000, () => (expired += 1));
  clock.move(4_000);
  clock.stall(17_000);
  await turn();
  t.is(expired, 0, 'nobody could be heard for 17 s');
  clock.move(9_999);
  await turn();
  t.is(expired, 0);
  clock.move(1);
  await turn();
  t.is(expired, 1, 'no more than the limit is given once more');
});

test('a stall before a deadline began does not make it longer', async (t) => {
  const clock = new ManualClock();
  clock.stall(5_000);
  let expired = 0;
  deadline(clock, 100, () => (expired += 1));
  clock.move(100);
  await turn();
  t.is(expired, 1);
});

test('the real clock knows how long the process stood still', (t) => {
  const before = systemClock.stalledMs();
  const until = performance.now() + 700;
  while (performance.now() < until);
  const stalled = systemClock.stalledMs() - before;
  t.true(stalled >= 400 && stalled <= 800, `${stalled}`);
});
