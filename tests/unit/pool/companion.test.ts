/** Instances whose function is an image with an HTTP server: a second container joins the network of the worker's. */
import test from 'ava';
import type { LogSink } from '../../../src/model/call/execution.js';
import { DriverError, ProgramError } from '../../../src/driver/driver.js';
import type { ServerImage } from '../../../src/instance/companion.js';
import { InstanceFailure, ServerTimeout } from '../../../src/instance/instance-failure.js';
import { PoolFixture, call, until } from '../../helpers/pool-fixture.js';

const server: ServerImage = {
  image: { type: 'reference', reference: 'some/image' },
  port: 5000,
  env: { OWN: 'variable' },
  memoryMb: 64,
  cpus: 0.25,
  cpuSeconds: 12,
  network: 'none',
};
/** A worker that never says that the server accepts. */
const deaf = { load: () => undefined };

test('an image is started in the network of its worker and gets nothing of ours', async (t) => {
  const fixture = new PoolFixture(t);
  fixture.driver.image = { program: "console.log('printed'); setInterval(() => {}, 1e6)" };
  const lease = await fixture.acquire({ server });
  const [worker, image] = fixture.driver.started;
  t.is(fixture.driver.started.length, 2);
  t.like(image, {
    image: server.image,
    command: null,
    workingDir: null,
    mounts: [],
    network: { joins: worker!.id, kind: 'none' },
    env: { HOME: '/tmp', TMPDIR: '/tmp', OWN: 'variable' },
    limits: { memoryBytes: 64 * 2 ** 20, cpus: 0.25, cpuSeconds: 12, pids: 64 },
  });
  t.false('OWN' in worker!.env);
  t.not(image!.user.uid, worker!.user.uid);
  await call(lease);
  await until(() => true);
  let printed = '';
  while (printed === '') printed = (await lease.instance.output()).stdout;
  t.deepEqual(await lease.release(false, true), { stdout: 'printed\n', stderr: '' });
  await fixture.empty();
});

test('an image that ends before its server accepts fails the load with its exit code and what it printed', async (t) => {
  const fixture = new PoolFixture(t, {}, deaf);
  fixture.driver.image = { program: "console.error('no such module'); process.exit(3)" };
  const printed: string[] = [];
  const failedLoadOutput: LogSink = (stream, text) => void printed.push(`${stream}: ${text.toString()}`);
  const error = await t.throwsAsync(fixture.acquire({ server, failedLoadOutput }), {
    instanceOf: InstanceFailure,
  });
  t.deepEqual(error.exit, { exitCode: 3, oomKilled: false });
  t.deepEqual(printed, ['stderr: no such module\n']);
  await fixture.empty();
});

test('an image whose server never accepts fails the load after the time of a start, with what it printed', async (t) => {
  const fixture = new PoolFixture(t, { startTimeoutMs: 500, loadTimeoutMs: 1 }, deaf);
  fixture.driver.image = { program: "console.log('busy'); setInterval(() => {}, 1e6)" };
  const printed: string[] = [];
  const failedLoadOutput: LogSink = (stream, text) => void printed.push(`${stream}: ${text.toString()}`);
  const error = await t.throwsAsync(fixture.acquire({ server, failedLoadOutput }), {
    instanceOf: ServerTimeout,
  });
  t.like(error, { timeoutMs: 500, port: 5000 });
  t.deepEqual(printed, ['stdout: busy\n']);
  await fixture.empty();
});

test('an image that cannot be started fails the load; a driver that is away is told apart', async (t) => {
  for (const [failure, instanceOf] of [
    [new ProgramError('no such program'), InstanceFailure],
    [new DriverError('failed', 'no room'), DriverError],
    [new DriverError('unavailable', 'away'), DriverError],
  ] as const) {
    const failing: PoolFixture = new PoolFixture(
      t,
      {
        // The worker has been started by then.
        onTransition: ({ state }) => {
          if (state === 'standby') failing.driver.failures.push(failure);
        },
      },
      deaf,
    );
    await t.throwsAsync(failing.acquire({ server }), { instanceOf: instanceOf as never });
    await failing.empty();
  }
});

test('an image that ends while nobody calls takes its instance with it', async (t) => {
  const fixture = new PoolFixture(t);
  const lease = await fixture.acquire({ server, reuse: true });
  await lease.release(true);
  t.is(fixture.pool.counts().idle, 1);
  await fixture.driver.kill(fixture.driver.present[1]!);
  await fixture.empty();
});

test('an instance whose image ended during a call is not kept, and says how the image ended', async (t) => {
  const fixture = new PoolFixture(t);
  const lease = await fixture.acquire({ server, reuse: true });
  t.is(lease.instance.containers.length, 2);
  await fixture.driver.kill(lease.instance.containers[1]!.id);
  t.deepEqual(await lease.instance.serverExit(), { exitCode: 137, oomKilled: false });
  await lease.release(true);
  await fixture.empty();
});

test('a reused instance keeps its image', async (t) => {
  const fixture = new PoolFixture(t);
  const first = await fixture.acquire({ server, reuse: true });
  await first.release(true);
  const second = await fixture.acquire({ server, reuse: true });
  t.is(second.start, 'warm');
  t.is(second.instance, first.instance);
  t.is(fixture.driver.started.length, 2);
  await second.release(false);
  await fixture.empty();
});

test('an instance that is stopped while its image starts leaves neither', async (t) => {
  const fixture = new PoolFixture(t, {}, deaf);
  const gone = new AbortController();
  let say!: () => void;
  const acquired = fixture.acquire({ server, signal: gone.signal });
  await until(() => fixture.driver.started.length === 1);
  fixture.driver.gate = new Promise((resolve) => (say = resolve));
  await until(() => fixture.driver.started.length === 2);
  gone.abort(new Error('gone'));
  await t.throwsAsync(acquired, { message: 'gone' });
  say();
  await fixture.empty();
});

test('uids of images come back', async (t) => {
  const fixture = new PoolFixture(t);
  for (let round = 0; round < 3; round += 1) {
    const lease = await fixture.acquire({ server });
    const uids = lease.instance.containers.map(({ uid }) => uid);
    t.is(new Set(uids).size, 2);
    await lease.release(false);
  }
  await fixture.empty();
  const uids = fixture.driver.started.map(({ user }) => user.uid);
  t.is(new Set(uids).size, 6, 'the longest unused come first');
});
