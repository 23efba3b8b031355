/** How a worker comes to be; what becomes of calls when it does not is in pool-failures.test.ts. */
import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { systemClock } from '../../../src/clock.js';
import { DriverError } from '../../../src/driver/driver.js';
import { startWorker, type HandshakeOptions } from '../../../src/instance/handshake.js';
import { InstanceFailure } from '../../../src/instance/instance-failure.js';
import { FakeDriver } from '../../helpers/fake-driver.js';
import { profile } from '../../helpers/pool-fixture.js';
import { scriptedWorker } from '../../helpers/scripted-worker.js';
import { temporaryDirectory } from '../../helpers/temporary-directory.js';

/** A driver, and what is needed to start a worker on it. */
function prepared(t: ExecutionContext, given: Partial<HandshakeOptions> = {}) {
  const driver = new FakeDriver();
  driver.inhabitant = scriptedWorker();
  const slotDir = join(temporaryDirectory(t), 'slot');
  const life = new AbortController();
  const started: Promise<void>[] = [];
  const options: HandshakeOptions = {
    driver,
    spec: { instanceId: 'abcdefgh', profile, slotDir, uid: process.getuid!(), cpuSecondsLimit: 10 },
    clock: systemClock,
    startTimeoutMs: 30_000,
    maxBodyBytes: 1_000,
    withRoom: () => Promise.reject(new Error('no room was needed')),
    life,
    onStarting: (promise) => void started.push(promise),
    ...given,
  };
  t.teardown(() => driver.close());
  return { driver, slotDir, life, started, options };
}

test('a worker that says ready is connected, and its socket can be found no more', async (t) => {
  const { options, slotDir, started } = prepared(t);
  const connection = await startWorker(options);
  t.is(connection.lost, null);
  t.is(started.length, 1);
  t.false(existsSync(join(slotDir, 's')));
  connection.destroy();
});

test("the engine's answer is not waited for", async (t) => {
  const { driver, options, started } = prepared(t);
  let answer!: () => void;
  const start = driver.start.bind(driver);
  driver.start = async (spec, signal) => {
    await start(spec, signal);
    await new Promise<void>((resolve) => (answer = resolve));
  };
  const connection = await startWorker(options);
  answer();
  await t.notThrowsAsync(started[0]!);
  connection.destroy();
});

test('an engine that says no after the worker was ready ends the instance', async (t) => {
  const { driver, life, options } = prepared(t);
  let refuse!: (error: Error) => void;
  const start = driver.start.bind(driver);
  driver.start = async (spec, signal) => {
    await start(spec, signal);
    await new Promise<void>((_, reject) => (refuse = reject));
  };
  const connection = await startWorker(options);
  const no = new DriverError('failed', 'no');
  const ended = new Promise((resolve) => life.signal.addEventListener('abort', resolve));
  refuse(no);
  await ended;
  t.is(life.signal.reason, no);
  connection.destroy();
});

test('room is made for a slot where there is none', async (t) => {
  let made = 0;
  const { options, slotDir } = prepared(t);
  options.spec.slotDir = join(slotDir, 'deeper', 'slot');
  options.withRoom = async (work) => {
    made += 1;
    await mkdir(join(slotDir, 'deeper'), { recursive: true });
    return work();
  };
  const connection = await startWorker(options);
  t.is(made, 1);
  connection.destroy();
});

test('a start that was ended while room was made does not ask the engine', async (t) => {
  const { driver, life, options, slotDir } = prepared(t);
  options.spec.slotDir = join(slotDir, 'deeper', 'slot');
  options.withRoom = async (work) => {
    await mkdir(join(slotDir, 'deeper'), { recursive: true });
    life.abort(new Error('stopped'));
    return work();
  };
  await t.throwsAsync(startWorker(options), { message: 'stopped' });
  t.deepEqual(driver.started, []);
});

test('a start that takes too long is ended, and says so', async (t) => {
  const { driver, life, options } = prepared(t, { startTimeoutMs: 20 });
  driver.inhabitant = () => undefined;
  await t.throwsAsync(startWorker(options), { message: 'the worker was not ready after 20 ms' });
  t.true(life.signal.aborted);
});

test('a container that ends before its worker is ready is told with its exit', async (t) => {
  const { driver, options } = prepared(t);
  driver.inhabitant = () => void driver.kill(options.spec.instanceId);
  const failure = await t.throwsAsync(startWorker(options), { instanceOf: InstanceFailure });
  t.is(failure.exit?.exitCode, 137);
});
