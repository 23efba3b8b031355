import test from 'ava';
import { DriverError } from '../../../../src/driver/driver.js';
import { changed, openDriver, openOnFake, until } from '../../../helpers/fake-engine-driver.js';

const never = new AbortController().signal;

test.serial('start creates and starts, and asks the daemon nothing else', async (t) => {
  const { engine, driver, spec } = await openOnFake(t);
  engine.requests.length = 0;
  await driver.start(spec('one'), never);
  const own = engine.requests.filter((line) => !/_ping|containers\/json|events/.test(line));
  t.deepEqual(own, ['POST /containers/create', 'POST /containers/id-glambdar-one/start']);
  t.deepEqual(engine.containers.get('glambdar-one')?.labels, {
    'glambdar.dir': 'dir',
    'glambdar.boot': 'boot',
    'glambdar.instance': 'one',
  });
});

test.serial(
  'start rejects as soon as it is aborted, and what the daemon makes later is removed',
  async (t) => {
    const { engine, driver, spec } = await openOnFake(t);
    engine.hold('POST /containers/create');
    const abort = new AbortController();
    const started = driver.start(spec('one'), abort.signal);
    await until(() => engine.requests.includes('POST /containers/create'));
    abort.abort(new Error('no longer wanted'));
    const error = await t.throwsAsync(started, { instanceOf: DriverError });
    t.is(error.kind, 'failed');
    t.is(engine.containers.size, 0);
    engine.release('POST /containers/create');
    await until(() => engine.requests.includes('DELETE /containers/glambdar-one'));
    await until(() => engine.containers.size === 0);
    t.false(engine.requests.some((line) => line.endsWith('/start')));
  },
);

test.serial('a start that Docker refuses rejects with its reason and leaves nothing', async (t) => {
  const { engine, driver, spec } = await openOnFake(t);
  engine.failures.set('POST /containers/id-glambdar-one/start', {
    status: 500,
    message: 'OCI runtime - create failed',
  });
  const error = await t.throwsAsync(driver.start(spec('one'), never), { instanceOf: DriverError });
  t.is(error.kind, 'failed');
  t.is(error?.message, 'Docker failed to start a container: OCI runtime - create failed');
  await until(() => engine.containers.size === 0);
  t.is(await driver.exitState('one', 1_000), undefined);
});

test.serial(
  'a frozen daemon is noticed; starts under way and new ones reject; its ghosts are reaped when it wakes',
  async (t) => {
    const { engine, driver, spec } = await openOnFake(t, { pingLimitMs: 200 });
    const gone = changed(driver, false);
    engine.freeze();
    const started = driver.start(spec('one'), never);
    const error = await t.throwsAsync(started, { instanceOf: DriverError });
    t.is(error.kind, 'unavailable');
    t.regex(JSON.stringify(await gone), /Docker does not answer \(frozen for \d s\)\./);
    await t.throwsAsync(driver.start(spec('two'), never), { message: /frozen/ });
    const back = changed(driver, true);
    engine.thaw();
    t.deepEqual(await back, { available: true });
    await until(() => engine.requests.includes('DELETE /containers/glambdar-one'));
    await until(() => engine.containers.size === 0);
    await driver.start(spec('three'), never);
  },
);

test.serial(
  'a daemon that goes away is noticed by its cut event stream, and watched again when it is back',
  async (t) => {
    const { engine, driver, spec } = await openOnFake(t, { pingLimitMs: 1_000 });
    await driver.start(spec('one'), never);
    await until(() => engine.watchers === 1);
    const gone = changed(driver, false);
    await engine.goAway();
    const health = await gone;
    t.regex(JSON.stringify(health), /Docker is not running/);
    t.notRegex(JSON.stringify(health), /docker\.sock/);
    engine.die('glambdar-one', 143, { silently: true });
    const back = changed(driver, true);
    await engine.comeBack();
    await back;
    t.deepEqual(await driver.exitState('one', 5_000), { exitCode: 143, oomKilled: false });
    await until(() => engine.watchers === 1);
  },
);

test.serial('an exit reaches its listener once, whoever asked before or after', async (t) => {
  const { engine, driver, spec } = await openOnFake(t);
  await until(() => engine.watchers === 1);
  await driver.start(spec('one'), never);
  const heard: number[] = [];
  driver.onExit('one', ({ exitCode }) => heard.push(exitCode ?? -1));
  driver.onExit('one', () => t.fail())();
  t.is(await driver.exitState('one', 0), undefined);
  const waiting = driver.exitState('one', 5_000);
  engine.die('glambdar-one', 137, { oomKilled: true });
  t.deepEqual(await waiting, { exitCode: 137, oomKilled: true });
  t.deepEqual(heard, [137]);
  t.deepEqual(await driver.exitState('one', 0), { exitCode: 137, oomKilled: true });
  await new Promise<void>((resolve) => driver.onExit('one', () => resolve()));
  await driver.remove('one');
  t.is(await driver.exitState('one', 0), undefined);
});

test.serial("the kernel's word on memory counts also when it comes after the end", async (t) => {
  const { engine, driver, spec } = await openOnFake(t);
  await until(() => engine.watchers === 1);
  await driver.start(spec('one'), never);
  const waiting = driver.exitState('one', 5_000);
  engine.die('glambdar-one', 137);
  setTimeout(() => engine.emit('oom', engine.containers.get('glambdar-one')!), 150);
  t.deepEqual(await waiting, { exitCode: 137, oomKilled: true });
});

test.serial('a container that vanished while nobody watched has ended in an unknown way', async (t) => {
  const { engine, driver, spec } = await openOnFake(t);
  await until(() => engine.watchers === 1);
  await driver.start(spec('one'), never);
  await engine.goAway();
  engine.containers.clear();
  await engine.comeBack();
  t.deepEqual(await driver.exitState('one', 5_000), { exitCode: null, oomKilled: false });
});

test.serial(
  'the reaper removes what is not alive: earlier boots, strangers with our label, failed removals',
  async (t) => {
    const { engine, driver, spec } = await openOnFake(t, { open: false });
    engine.add('glambdar-old', {
      'glambdar.dir': 'dir',
      'glambdar.boot': 'earlier',
      'glambdar.instance': 'one',
    });
    engine.add('other', { 'glambdar.dir': 'other' });
    await openDriver(driver);
    t.deepEqual([...engine.containers.keys()], ['other']);
    await driver.start(spec('one'), never);
    await driver.start(spec('two'), never);
    engine.failures.set('DELETE /containers/glambdar-two', { status: 500, message: 'device busy' });
    await t.throwsAsync(driver.remove('two'), { instanceOf: DriverError, message: /device busy/ });
    await until(() => !engine.containers.has('glambdar-two'));
    t.deepEqual([...engine.containers.keys()], ['other', 'glambdar-one']);
  },
);

test.serial('remove takes a container that is gone, or being removed, for removed', async (t) => {
  const { engine, driver } = await openOnFake(t);
  await driver.remove('none');
  engine.failures.set('DELETE /containers/glambdar-x', {
    status: 409,
    message: 'removal of container x is already in progress',
  });
  await driver.remove('x');
  engine.failures.set('DELETE /containers/glambdar-x', { status: 409, message: 'conflict of another kind' });
  await t.throwsAsync(driver.remove('x'), { instanceOf: DriverError });
});
