import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { DriverError } from '../../../../src/driver/driver.js';
import { openDriver, openOnFake, until } from '../../../helpers/fake-engine-driver.js';

const never = new AbortController().signal;

test.serial(
  'close removes all of its directory, rejects starts under way, and may be called twice',
  async (t) => {
    const { engine, driver, spec } = await openOnFake(t);
    await driver.start(spec('one'), never);
    engine.hold('POST /containers/create');
    const started = driver.start(spec('two'), never);
    const rejected = t.throwsAsync(started, { instanceOf: DriverError, message: /stopping/ });
    await until(() => engine.requests.filter((line) => line.endsWith('/create')).length === 2);
    const closed = driver.close();
    engine.release('POST /containers/create');
    await Promise.all([closed, driver.close(), rejected]);
    t.is(engine.containers.size, 0);
    await t.throwsAsync(driver.start(spec('three'), never), { message: /not open/ });
  },
);

test.serial('close ends within its limit when the daemon does not answer', async (t) => {
  const { engine, driver, spec } = await openOnFake(t, { pingLimitMs: 60_000 });
  await driver.start(spec('one'), never);
  engine.freeze();
  await driver.close();
  t.pass();
});

test.serial('open says what is wrong with Docker', async (t) => {
  const { engine, driver } = await openOnFake(t, { open: false });
  const opened = (): Promise<void> => openDriver(driver);
  engine.info = { SecurityOptions: [] };
  await t.throwsAsync(opened(), { instanceOf: DriverError, message: /lacks seccomp/ });
  engine.info = { OSType: 'windows' };
  await t.throwsAsync(opened(), { instanceOf: DriverError, message: /Linux containers are needed/ });
  engine.failures.set('GET /version', { status: 500, message: 'internal - odd' });
  engine.info = {};
  await t.throwsAsync(opened(), { instanceOf: DriverError, message: /internal - odd/ });
  engine.failures.clear();
  await engine.goAway();
  const error = await t.throwsAsync(opened(), { instanceOf: DriverError, message: /Docker is not running/ });
  t.is(error.kind, 'unavailable');
  await engine.comeBack();
  await opened();
  t.deepEqual(driver.health(), { available: true });
});

test.serial('output is the end of each stream', async (t) => {
  const { engine, driver } = await openOnFake(t);
  const frame = (stream: number, text: string): Buffer =>
    Buffer.concat([Buffer.from([stream, 0, 0, 0, 0, 0, 0, text.length]), Buffer.from(text)]);
  engine.logs = Buffer.concat([frame(1, 'one'), frame(2, 'bad'), frame(1, 'two')]);
  engine.add('glambdar-one', {});
  t.deepEqual(await driver.output('one', 4), { stdout: 'etwo', stderr: 'bad' });
});

test.serial(
  'the daemon is asked for output only when its log files do not say that there is none',
  async (t) => {
    const { engine, driver, spec } = await openOnFake(t, { open: false });
    engine.info = { DockerRootDir: engine.directory };
    engine.logs = Buffer.from([1, 0, 0, 0, 0, 0, 0, 1, 65]);
    await openDriver(driver);
    await until(() => engine.watchers === 1);
    const asked = async (): Promise<boolean> => {
      engine.requests.length = 0;
      const { stdout } = await driver.output('one', 9);
      const did = engine.requests.some((line) => line.endsWith('/logs'));
      t.is(stdout, did ? 'A' : '');
      return did;
    };
    const directory = join(engine.directory, 'containers/id-glambdar-one/local-logs');
    const log = join(directory, 'container.log');
    mkdirSync(directory, { recursive: true });
    writeFileSync(log, '');
    t.true(await asked(), 'nothing is known of this container');
    await driver.start(spec('one'), never);
    t.true(await asked(), 'it runs: what has no line end is not in the file yet');
    engine.die('glambdar-one', 0);
    await driver.exitState('one', 5_000);
    t.false(await asked());
    writeFileSync(log, 'x');
    t.true(await asked(), 'it wrote');
    renameSync(log, `${log}.1`);
    t.true(await asked(), 'between two files');
    writeFileSync(log, '');
    t.true(await asked(), 'it wrote a whole file');
  },
);
