/** The failure table above class Pool, row by row; what concerns the answer to a caller is in tests/unit/invocation. */
import { readdirSync, rmSync, writeFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import test from 'ava';
import { DriverError } from '../../../src/driver/driver.js';
import { GlambdarError } from '../../../src/errors.js';
import { LoadFailure } from '../../../src/instance/wire/worker-connection.js';
import { InstanceFailure, LoadTimeout } from '../../../src/instance/instance-failure.js';
import type { Inhabitant } from '../../helpers/fake-driver.js';
import { PoolFixture, call, until } from '../../helpers/pool-fixture.js';
import { ready, response, scriptedWorker } from '../../helpers/scripted-worker.js';

const one = { maxInstances: 1, maxStarting: 1, maxRefilling: 2, placesForCalls: 0, maxWaiting: 10 };
const error = { name: 'Error', message: 'user code', stack: '' };

test('a start that fails is tried once more on another instance', async (t) => {
  const fixture = new PoolFixture(t);
  fixture.driver.failures = [new DriverError('failed', 'no')];
  const lease = await fixture.acquire();
  t.is(fixture.driver.started.length, 2);
  t.not(fixture.driver.started[0]!.id, fixture.driver.started[1]!.id);
  await lease.release(false);
  await fixture.empty();
});

test('a call is told when its second start fails too, and the next in the queue gets its own', async (t) => {
  const fixture = new PoolFixture(t, { limits: one });
  fixture.driver.failures = [new DriverError('failed', 'daemon text'), new Error('other text')];
  const [first, second] = await Promise.allSettled([fixture.acquire(), fixture.acquire()]);
  t.is(first.status, 'rejected');
  const reason = (first as PromiseRejectedResult).reason as GlambdarError;
  t.is(reason.code, 'DRIVER_UNAVAILABLE');
  t.is(reason.retryAfterSeconds, 1);
  t.notRegex(reason.message, /text/);
  t.is(second.status, 'fulfilled');
  t.is(fixture.driver.started.length, 3);
});

const inhabitants: [what: string, inhabitant: Inhabitant][] = [
  ['never connects', 'nobody'],
  ['connects and is silent', () => undefined],
  ['connects and hangs up', (socket) => socket.destroy()],
  ['speaks another protocol', scriptedWorker({ connected: ({ send }) => send({ ...ready, protocol: 99 }) })],
  ['talks nonsense', (socket) => socket.write('GET / HTTP/1.1\r\n\r\n')],
  [
    'is ready twice at once',
    scriptedWorker({
      connected: ({ socket, send }) => {
        socket.cork();
        send(ready);
        send(ready);
        socket.uncork();
      },
    }),
  ],
  ['ends before it connects', { program: 'process.exit(3)' }],
];

for (const [what, inhabitant] of inhabitants)
  test(`a worker that ${what} is replaced by another, once`, async (t) => {
    const fixture = new PoolFixture(t, { startTimeoutMs: 1_000 });
    const good = fixture.driver.inhabitant;
    fixture.driver.inhabitant = inhabitant;
    const acquired = fixture.acquire();
    fixture.driver.inhabitant = good;
    const lease = await acquired;
    t.is(fixture.driver.started.length, 2);
    await lease.release(false);
    await fixture.empty();

    fixture.driver.inhabitant = inhabitant;
    await t.throwsAsync(fixture.acquire(), { code: 'DRIVER_UNAVAILABLE' } as never);
    t.is(fixture.driver.started.length, 4);
    await fixture.empty();
  });

test('a slot that cannot be made fails the start and not the server', async (t) => {
  const fixture = new PoolFixture(t);
  rmSync(fixture.runDir, { recursive: true });
  writeFileSync(fixture.runDir, 'in the way');
  await t.throwsAsync(fixture.acquire(), { code: 'DRIVER_UNAVAILABLE' } as never);
  rmSync(fixture.runDir);
  await (await fixture.acquire()).release(false);
  await fixture.empty();
});

test('everybody is told at once when the driver turns out to be unavailable', async (t) => {
  const fixture = new PoolFixture(t, { limits: one });
  fixture.driver.failures = [new DriverError('unavailable', 'no daemon')];
  const results = await Promise.allSettled([1, 2, 3].map(() => fixture.acquire()));
  for (const result of results)
    t.like(result, { status: 'rejected', reason: { code: 'DRIVER_UNAVAILABLE', retryAfterSeconds: 2 } });
  t.is(fixture.driver.started.length, 1);
  await fixture.empty();
});

test('everybody who waits is told when the health changes, calls under way go on', async (t) => {
  const fixture = new PoolFixture(t, { limits: one });
  const lease = await fixture.acquire();
  const waiting = t.throwsAsync(fixture.acquire(), { code: 'DRIVER_UNAVAILABLE' } as never);
  fixture.driver.setHealth({ available: false, reason: 'frozen' });
  await waiting;
  t.throws(() => fixture.pool.assertAdmits('a'), { code: 'DRIVER_UNAVAILABLE' } as never);
  await t.throwsAsync(fixture.acquire(), { code: 'DRIVER_UNAVAILABLE' } as never);
  t.like(await call(lease), { message: { statusCode: 200 } });
  await lease.release(false);
  fixture.driver.setHealth({ available: true });
  await (await fixture.acquire()).release(false);
  await fixture.empty();
});

test("code that does not load fails its call with the user's error and nobody else's", async (t) => {
  const fixture = new PoolFixture(
    t,
    { limits: one },
    {
      load: ({ id, memoryMb }, { send }) =>
        send(memoryMb === 100 ? { type: 'load-failed', id, error } : { type: 'loaded', id }),
    },
  );
  const [bad, good] = await Promise.allSettled([
    fixture.acquire({ memoryMb: 100 }),
    fixture.acquire({ memoryMb: 200 }),
  ]);
  t.true((bad as PromiseRejectedResult).reason instanceof LoadFailure);
  t.is(good.status, 'fulfilled');
});

test('a load that never ends is ended by its deadline', async (t) => {
  const fixture = new PoolFixture(t, { loadTimeoutMs: 50 }, { load: () => undefined });
  await t.throwsAsync(fixture.acquire(), {
    instanceOf: LoadTimeout,
    message: 'loading took longer than 50 ms',
  });
  await fixture.empty();
});

test('a worker that dies while it loads is told with its exit', async (t) => {
  const fixture = new PoolFixture(t);
  fixture.driver.inhabitant = {
    program: `
    const socket = require('net').connect(process.env.GLAMBDAR_SLOT + '/s');
    const json = JSON.stringify({ type: 'ready', protocol: 4, node: 'v0', clockMs: 0 });
    const prefix = Buffer.alloc(8); prefix.writeUInt32BE(json.length);
    socket.write(Buffer.concat([prefix, Buffer.from(json)]));
    socket.on('data', () => process.exit(9));
  `,
  };
  const failure = await t.throwsAsync(fixture.acquire(), { instanceOf: InstanceFailure });
  t.deepEqual(failure.exit, { exitCode: 9, oomKilled: false });
  t.is(fixture.driver.started.length, 1, 'user code is never silently run again');
  await fixture.empty();
});

test('a worker that breaks the protocol while it loads is told as such', async (t) => {
  const fixture = new PoolFixture(t, {}, { load: (_message, { send }) => send(response('x')) });
  await t.throwsAsync(fixture.acquire(), { instanceOf: InstanceFailure, message: /broke the protocol/ });
  await fixture.empty();
});

test('a tree that cannot be prepared fails its call and leaves no container', async (t) => {
  const fixture = new PoolFixture(t);
  const unavailable = new GlambdarError('CODE_UNAVAILABLE', 'gone');
  const prepareTree = () => Promise.reject(unavailable);
  t.is(await t.throwsAsync(fixture.acquire({ prepareTree })), unavailable);
  await fixture.empty();
});

test('a tree that vanishes before the load fails its call only', async (t) => {
  const fixture = new PoolFixture(t);
  await t.throwsAsync(fixture.acquire({ prepareTree: () => Promise.resolve() }), { code: 'ENOENT' });
  await (await fixture.acquire()).release(false);
  await fixture.empty();
});

test('a call whose caller has gone before it is not begun', async (t) => {
  const fixture = new PoolFixture(t);
  await t.throwsAsync(fixture.acquire({ signal: AbortSignal.abort(new Error('gone')) }), { message: 'gone' });
  t.is(fixture.driver.started.length, 0);
});

test('a queued call gives its place back when its caller goes', async (t) => {
  const fixture = new PoolFixture(t, { limits: one });
  const lease = await fixture.acquire();
  const gone = new AbortController();
  const waiting = fixture.acquire({ signal: gone.signal });
  t.is(fixture.pool.gauges().queueLength, 1);
  gone.abort(new Error('gone'));
  await t.throwsAsync(waiting, { message: 'gone' });
  t.is(fixture.pool.gauges().queueLength, 0);
  await lease.release(false);
  await fixture.empty();
  t.is(fixture.driver.started.length, 1);
});

test('a call whose caller goes while its container starts leaves nothing', async (t) => {
  const fixture = new PoolFixture(t);
  let open!: () => void;
  fixture.driver.gate = new Promise((resolve) => (open = resolve));
  const gone = new AbortController();
  const acquired = fixture.acquire({ signal: gone.signal });
  await until(() => readdirSync(fixture.runDir).length === 2);
  gone.abort(new Error('gone'));
  await t.throwsAsync(acquired, { message: 'gone' });
  open();
  await fixture.empty();
  t.is(fixture.driver.removed.length, 1);
});

test('a call whose caller goes while its code loads ends the load at once', async (t) => {
  const fixture = new PoolFixture(t, {}, { load: () => undefined });
  const gone = new AbortController();
  const acquired = fixture.acquire({ signal: gone.signal });
  await until(() => fixture.pool.counts().loading === 1);
  gone.abort(new Error('gone'));
  await t.throwsAsync(acquired, { message: 'gone' });
  await fixture.empty();
});

test('a call whose caller goes while its tree is still being made leaves no tree', async (t) => {
  const fixture = new PoolFixture(t);
  let open!: () => void;
  const gate = new Promise<void>((resolve) => (open = resolve));
  const gone = new AbortController();
  const prepareTree = async (target: string): Promise<void> => {
    await gate;
    await mkdir(target);
  };
  const acquired = fixture.acquire({ signal: gone.signal, prepareTree });
  await until(() => fixture.pool.counts().loading === 1);
  gone.abort(new Error('gone'));
  await t.throwsAsync(acquired, { message: 'gone' });
  open();
  await fixture.empty();
});

test('a start whose caller has gone serves the next one', async (t) => {
  const fixture = new PoolFixture(t, { limits: one });
  let open!: () => void;
  fixture.driver.gate = new Promise((resolve) => (open = resolve));
  const gone = new AbortController();
  const first = t.throwsAsync(fixture.acquire({ signal: gone.signal }));
  const second = fixture.acquire();
  gone.abort(new Error('gone'));
  await first;
  open();
  t.is((await second).start, 'cold', 'its container was started after it came');
  t.is(fixture.driver.started.length, 1);
});
