import test from 'ava';
import { Limiter } from '../../../../src/deploy/archive/limiter.js';

test('a limiter runs so many at once and the rest in order, failed ones included', async (t) => {
  const limiter = new Limiter(2);
  const events: string[] = [];
  let running = 0;
  const jobs = ['a', 'b', 'c', 'd'].map((name) =>
    limiter.run(async () => {
      running += 1;
      t.true(running <= 2);
      events.push(name);
      await new Promise((resolve) => setImmediate(resolve));
      running -= 1;
      if (name === 'b') throw new Error('b failed');
    }),
  );
  const results = await Promise.allSettled(jobs);
  t.deepEqual(events, ['a', 'b', 'c', 'd']);
  t.deepEqual(
    results.map(({ status }) => status),
    ['fulfilled', 'rejected', 'fulfilled', 'fulfilled'],
  );
});
