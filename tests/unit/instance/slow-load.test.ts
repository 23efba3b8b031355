import test, { type ExecutionContext } from 'ava';
import { ManualClock } from '../../helpers/manual-clock.js';
import { PoolFixture } from '../../helpers/pool-fixture.js';

/** A call at this many cores whose code begins to load, and goes on loading until `finish`. */
async function loading(t: ExecutionContext, cpus: number) {
  const clock = new ManualClock();
  let finish!: () => void;
  let begin!: () => void;
  const begun = new Promise<void>((resolve) => (begin = resolve));
  const fixture = new PoolFixture(
    t,
    { clock },
    {
      load: ({ id }, { send }) => {
        finish = () => send({ type: 'loaded', id });
        begin();
      },
    },
  );
  const acquired = fixture.acquire({ cpus });
  await begun;
  return { clock, acquired, finish, driver: fixture.driver };
}

test('a load that takes long has a whole core, and the call its own share', async (t) => {
  const { clock, acquired, finish, driver } = await loading(t, 0.3);
  clock.move(99);
  t.deepEqual(driver.cpusSet, []);
  clock.move(1);
  const [[id]] = driver.cpusSet as [[string, number]];
  t.deepEqual(driver.cpusSet, [[id, 1]]);
  finish();
  const lease = await acquired;
  t.deepEqual(driver.cpusSet, [
    [id, 1],
    [id, 0.3],
  ]);
  t.is(lease.instance.id, id);
  await lease.release(false);
});

test('a fast load, and one with a core of its own, change nothing', async (t) => {
  const fast = await loading(t, 0.3);
  fast.finish();
  await (await fast.acquired).release(false);
  fast.clock.move(10_000);
  t.deepEqual(fast.driver.cpusSet, []);
  const whole = await loading(t, 1);
  whole.clock.move(5000);
  whole.finish();
  await (await whole.acquired).release(false);
  t.deepEqual(whole.driver.cpusSet, []);
});

test('where the share cannot be changed, the load goes on with its own', async (t) => {
  const { clock, acquired, finish, driver } = await loading(t, 0.3);
  driver.cpusFailure = new Error('no');
  clock.move(100);
  finish();
  await (await acquired).release(false);
  t.is(driver.cpusSet.length, 1);
});

test('a share that cannot be put back fails the load', async (t) => {
  const { clock, acquired, finish, driver } = await loading(t, 0.3);
  clock.move(100);
  driver.cpusFailure = new Error('no');
  finish();
  await t.throwsAsync(acquired, { message: 'no' });
});
