/** How a worker comes to be; what becomes of calls when it does not is in pool-failures.test.ts. */
import { existsSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { systemClock } from '../../../src/clock.js';
import { DriverError } from '../../../src/driver/driver.js';
import { startWorker, type WorkerStartOptions } from '../../../src/instance/worker-start.js';
import { InstanceFailure } from '../../../src/instance/instance-failure.js';
import { InstalledRuntime } from '../../../src/runtimes/installed-runtime.js';
import { node } from '../../../src/runtimes/node.js';
import { FakeDriver } from '../../helpers/fake-driver.js';
import { profile } from '../../helpers/pool-fixture.js';
import { scriptedWorker } from '../../helpers/scripted-worker.js';
import { temporaryDirectory } from '../../helpers/temporary-directory.js';
import { workerRuntime } from '../../helpers/worker-runtime.js';

/** A driver, and what is needed to start a worker on it. */
function prepared(t: ExecutionContext, given: Partial<WorkerStartOptions> = {}) {
  const driver = new FakeDriver();
  driver.inhabitant = scriptedWorker();
  const slotDir = join(temporaryDirectory(t), 'slot');
  const life = new AbortController();
  const started: Promise<void>[] = [];
  const options: WorkerStartOptions = {
    driver,
    container: { id: 'abcdefgh', runtime: workerRuntime, profile, slotDir, uid: 200_017 },
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
  writeFileSync(slotDir, 'something that takes room');
  options.withRoom = async (work) => {
    made += 1;
    rmSync(slotDir);
    return work();
  };
  const connection = await startWorker(options);
  t.is(made, 1);
  connection.destroy();
});

test('a start that was ended while room was made does not ask the engine', async (t) => {
  const { driver, life, options, slotDir } = prepared(t);
  writeFileSync(slotDir, 'something that takes room');
  options.withRoom = async (work) => {
    rmSync(slotDir);
    life.abort(new Error('stopped'));
    return work();
  };
  await t.throwsAsync(startWorker(options), { message: 'stopped' });
  t.deepEqual(driver.started, []);
});

test('a start makes the directory of all slots again when it is gone, closed to other users', async (t) => {
  const { options, slotDir } = prepared(t);
  const runDir = join(slotDir, 'run');
  options.container.slotDir = join(runDir, 'slot');
  const connection = await startWorker(options);
  t.is(statSync(runDir).mode & 0o777, 0o700);
  t.is(statSync(options.container.slotDir).mode & 0o777, 0o711);
  connection.destroy();
});

test('a start puts the files of the worker back when they are not what was installed', async (t) => {
  const { driver, options, slotDir } = prepared(t);
  const workerDir = join(slotDir, '..', 'worker');
  const runtime = new InstalledRuntime(node, workerDir);
  options.container.runtime = runtime;
  driver.inhabitant = 'worker';
  const file = join(workerDir, 'main.cjs');
  const damages = [
    () => undefined, // nothing is installed yet
    () => truncateSync(file),
    () => rmSync(file),
    () => rmSync(workerDir, { recursive: true }),
  ];
  for (const [index, damage] of damages.entries()) {
    damage();
    options.container.id = `damaged0${index}`;
    options.container.slotDir = `${slotDir}${index}`;
    (await startWorker(options)).destroy();
  }
  t.pass();
});

test("the worker's user has a name, which everybody in the container can read", async (t) => {
  const { options, slotDir } = prepared(t);
  const connection = await startWorker(options);
  const passwd = join(slotDir, 'passwd');
  t.regex(readFileSync(passwd, 'utf8'), /^function:x:200017:200017:/m);
  t.is(statSync(passwd).mode & 0o777, 0o644);
  connection.destroy();
});

test('a start that takes too long is ended, and says so', async (t) => {
  const { driver, life, options } = prepared(t, { startTimeoutMs: 20 });
  driver.inhabitant = () => undefined;
  await t.throwsAsync(startWorker(options), { message: 'the worker was not ready after 20 ms' });
  t.true(life.signal.aborted);
});

test('a container that ends before its worker is ready is told with its exit', async (t) => {
  const { driver, options } = prepared(t);
  driver.inhabitant = () => void driver.kill(options.container.id);
  const failure = await t.throwsAsync(startWorker(options), { instanceOf: InstanceFailure });
  t.is(failure.exit?.exitCode, 137);
});
