import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { Instance } from '../../../../src/instance/instance.js';
import type { CallRecord } from '../../../../src/model/call/call.js';
import { codeKeyOf } from '../../../../src/pool/executor/workloads.js';
import { evaluator, invocation, InvokerFixture } from '../../../helpers/invoker-fixture.js';
import { ManualClock } from '../../../helpers/manual-clock.js';
import { until } from '../../../helpers/pool-fixture.js';
import { response } from '../../../helpers/scripted-worker.js';
import { temporaryDirectory } from '../../../helpers/temporary-directory.js';

/**
 * A function in reused instances on one core whose calls are known to be brief. Its next call gets the only instance; calls
 * that come while that one runs wait, and are then sent to the instance together.
 */
async function brief(t: ExecutionContext, settings: { timeoutMs?: number } = {}) {
  const clock = new ManualClock();
  const fixture = await InvokerFixture.create(t, {
    source: evaluator,
    settings: { isolation: 'function', standby: 0, ...settings },
    pool: { clock, cores: 1, maxBodyBytes: 8_000_000 },
    executor: { clock, maxResponseBytes: 8_000_000 },
  });
  const file = join(temporaryDirectory(t), 'ran');
  writeFileSync(file, '');
  /** Code of a call that notes its name where the test sees it, and then does the rest. */
  const noting = (name: string, rest = ''): string =>
    `require('fs').appendFileSync(${JSON.stringify(file)}, '${name} '); ${rest}; return { body: '${name}' };`;
  const ran = (): string[] => readFileSync(file, 'utf8').trim().split(' ');
  const call = async (body: string, signal?: AbortSignal): Promise<string> =>
    JSON.parse((await fixture.call(body, {}, signal)).body.toString()) as string;
  fixture.activate();
  await call("return { body: '' };");
  const recordOf = async (n: number): Promise<CallRecord> => fixture.record(`call-${n}`);
  return { clock, fixture, noting, ran, call, recordOf };
}

/** Lets the clock pass in small steps until the condition holds. */
async function pass(clock: ManualClock, condition: () => boolean): Promise<void> {
  while (!condition()) {
    clock.move(5);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

/** Code that waits for a file. */
function untilThereIs(path: string): string {
  const look = `require('fs').existsSync(${JSON.stringify(path)}) ? resolve() : setTimeout(look, 1)`;
  return `await new Promise((resolve) => { const look = () => ${look}; look(); })`;
}

/** Code that computes for so long, and hears nothing meanwhile. */
function computing(ms: number): string {
  return `const until = Date.now() + ${ms}; while (Date.now() < until);`;
}

/** How a call ends, in a word: what the function answered, or the code of the error. */
function ending(call: Promise<string>): Promise<string> {
  return call.catch((error: { code?: string }) => String(error.code));
}

const FOREVER = 'await new Promise((resolve) => setInterval(() => {}, 1000))';

test('brief calls that wait together are answered in the order in which they came, each by its own answer', async (t) => {
  const { fixture, noting, ran, call, recordOf } = await brief(t);
  const names = Array.from({ length: 6 }, (_, index) => `n${index}`);
  t.deepEqual(
    await Promise.all(names.map((name) => call(noting(name, 'console.log(req.body.length)')))),
    names,
  );
  t.deepEqual(ran(), names);
  t.is(fixture.pools.driver.started.length, 1, 'one instance ran them all');
  const { outcome, start, stdout } = await recordOf(6);
  t.like({ outcome, start }, { outcome: 'ok', start: 'warm' });
  t.regex(stdout, /^\d+\n$/, 'the log of each call is its own');
});

test('a call does not wait for one before it that turns out to be slow, though it was sent to the same instance', async (t) => {
  const { clock, noting, ran, call, recordOf } = await brief(t);
  const first = call(noting('first'));
  const stop = new AbortController();
  const slow = call(noting('slow', FOREVER), stop.signal);
  const others = Promise.all(['a', 'b', 'c'].map((name) => call(noting(name))));
  await first;
  await until(() => ran().includes('slow'));
  clock.move(19);
  await new Promise((resolve) => setTimeout(resolve, 20));
  t.deepEqual(ran(), ['first', 'slow'], 'for a moment they wait');
  clock.move(1);
  t.deepEqual(await others, ['a', 'b', 'c']);
  const record = await recordOf(4);
  t.true(record.queueMs >= 20, 'the time in the worker counts as waiting');
  stop.abort();
  const left = t.throwsAsync(slow, { code: 'CANCELLED' } as never);
  let isOver = false;
  void left.then(() => (isOver = true));
  await pass(clock, () => isOver);
});

test('a call does not wait for one before it that computes for long, and hears nothing meanwhile', async (t) => {
  const { clock, fixture, noting, ran, call } = await brief(t);
  const go = join(fixture.functionsDir, 'go');
  const first = call(noting('first'));
  const slow = call(noting('slow', `while (!require('fs').existsSync(${JSON.stringify(go)}))`));
  let isOver = false;
  const others = Promise.all(['a', 'b', 'c'].map((name) => call(noting(name)))).finally(
    () => (isOver = true),
  );
  await first;
  await until(() => ran().includes('slow'));
  await pass(clock, () => isOver);
  t.deepEqual(await others, ['a', 'b', 'c']);
  writeFileSync(go, '');
  t.is(await slow, 'slow');
  t.is(await call(noting('next')), 'next');
  t.deepEqual(ran().sort(), ['a', 'b', 'c', 'first', 'next', 'slow']);
});

test('when a call ends the process, the calls that were sent with it run elsewhere, once', async (t) => {
  const { noting, ran, call } = await brief(t);
  const first = call(noting('first'));
  const crash = t.throwsAsync(call(noting('crash', 'process.exit(3)')), {
    code: 'INSTANCE_CRASHED',
  } as never);
  const others = Promise.all(['a', 'b', 'c'].map((name) => call(noting(name))));
  await first;
  await crash;
  t.deepEqual(await others, ['a', 'b', 'c']);
  t.deepEqual(ran().sort(), ['a', 'b', 'c', 'crash', 'first']);
});

test('when a call fails with an uncaught error, the calls that were sent with it run elsewhere, once', async (t) => {
  const { noting, ran, call } = await brief(t);
  const first = call(noting('first'));
  const uncaught = t.throwsAsync(
    call(noting('uncaught', "setImmediate(() => { throw new Error('late'); }); await new Promise(() => {})")),
    { message: /late/ },
  );
  const others = Promise.all(['a', 'b', 'c'].map((name) => call(noting(name))));
  await first;
  await uncaught;
  t.deepEqual(await others, ['a', 'b', 'c']);
  t.deepEqual(ran().sort(), ['a', 'b', 'c', 'first', 'uncaught']);
});

test('when a call that computes without end is stopped at its time limit, the calls that were sent with it run elsewhere, once', async (t) => {
  const { clock, noting, ran, call } = await brief(t, { timeoutMs: 1_000 });
  const first = call(noting('first'));
  const endless = t.throwsAsync(call(noting('endless', 'for (;;);')), {
    code: 'INVOCATION_TIMEOUT',
  } as never);
  const others = Promise.all(['a', 'b', 'c'].map((name) => call(noting(name))));
  await first;
  await until(() => ran().includes('endless'));
  let done = false;
  void Promise.all([endless, others]).then(() => (done = true));
  await pass(clock, () => done);
  await endless;
  t.deepEqual(await others, ['a', 'b', 'c']);
  t.deepEqual(ran().sort(), ['a', 'b', 'c', 'endless', 'first']);
});

test('a call whose client leaves before it begins does not run, and the others go on in the same instance', async (t) => {
  const { fixture, noting, ran, call, recordOf } = await brief(t);
  const first = call(noting('first'));
  const leave = new AbortController();
  const go = join(fixture.functionsDir, 'go');
  const front = call(noting('front', untilThereIs(go)));
  const gone = t.throwsAsync(call(noting('gone'), leave.signal), { code: 'CANCELLED' } as never);
  const last = call(noting('last'));
  await first;
  await until(() => ran().includes('front'));
  leave.abort();
  await gone;
  writeFileSync(go, '');
  t.is(await front, 'front');
  t.is(await last, 'last');
  t.deepEqual(ran(), ['first', 'front', 'last']);
  t.is(fixture.pools.driver.started.length, 1);
  t.like(await recordOf(4), { outcome: 'cancelled', start: null, runMs: 0 });
});

test('the time limit of a call counts from when it begins, not from when it was sent', async (t) => {
  const { clock, noting, call, ran, fixture } = await brief(t, { timeoutMs: 15 });
  const first = call(noting('first'));
  const go = join(fixture.functionsDir, 'go');
  const front = call(noting('front', untilThereIs(go)));
  const second = call(noting('second', untilThereIs(`${go}2`)));
  await first;
  await until(() => ran().includes('front'));
  clock.move(14);
  writeFileSync(go, '');
  await front;
  await until(() => ran().includes('second'));
  clock.move(14);
  writeFileSync(`${go}2`, '');
  t.is(await second, 'second');
});

test('calls with large bodies are not sent to a worker that still runs another', async (t) => {
  const { fixture, noting, ran, call } = await brief(t);
  const first = call(noting('first'));
  const crash = t.throwsAsync(call(noting('crash', 'process.exit(3)')));
  const large = fixture
    .admit()
    .run(invocation(`${noting('large')}//${'x'.repeat(20_000)}`), new AbortController().signal);
  await first;
  await crash;
  await large;
  t.deepEqual(ran(), ['first', 'crash', 'large']);
});

test('calls that were sent together run to their end when the pool takes no more', async (t) => {
  const { fixture, noting, call } = await brief(t);
  const first = call(noting('first', 'await new Promise((resolve) => setTimeout(resolve, 5))'));
  const others = Promise.all(['a', 'b', 'c'].map((name) => call(noting(name))));
  await first;
  fixture.pools.pool.drain();
  t.deepEqual(await others, ['a', 'b', 'c']);
});

test('a call whose client leaves and whose function then answers leaves the next call running', async (t) => {
  const clock = new ManualClock();
  const sent = new Map<string, () => void>();
  const fixture = await InvokerFixture.create(t, {
    settings: { isolation: 'function', standby: 0 },
    pool: { clock, cores: 1 },
    executor: { clock },
    script: {
      invoke: ({ id, path }, { send }) => void sent.set(path, () => send(response(id))),
      cancel: () => sent.get('/front')?.(),
    },
  });
  fixture.activate();
  const call = async (path: string, signal?: AbortSignal): Promise<number> =>
    (await fixture.call('', { path }, signal)).statusCode;
  const answer = async (path: string): Promise<void> => {
    await until(() => sent.has(path));
    sent.get(path)!();
  };
  const warming = call('/warming');
  await answer('/warming');
  await warming;
  const first = call('/first');
  const leave = new AbortController();
  const front = t.throwsAsync(call('/front', leave.signal), { code: 'CANCELLED' } as never);
  const second = call('/second');
  await answer('/first');
  await first;
  await until(() => sent.has('/second'));
  leave.abort();
  await front;
  await answer('/second');
  t.is(await second, 200);
  t.is(fixture.pools.driver.started.length, 1);
});

for (const why of ['is recalled', 'loses its client'] as const)
  test(`a call that ${why} while a large answer before it is on its way harms no other`, async (t) => {
    const { clock, noting, ran, call } = await brief(t);
    const leave = new AbortController();
    const first = call(noting('first'));
    // The worker reads our message when it has written the answer, of which the socket takes a part only.
    const front = call(`${noting('front', computing(300)).replace("'front' }", "'x'.repeat(6e6) }")}`);
    const second = ending(call(noting('second'), leave.signal));
    const third = call(noting('third'));
    await first;
    await until(() => ran().includes('front'));
    if (why === 'is recalled') clock.move(20);
    else leave.abort();
    t.is((await front).length, 6e6);
    t.true(['second', 'CANCELLED'].includes(await second));
    t.is(await third, 'third');
  });

test('when the server of an image ends in a call, the calls behind it run elsewhere', async (t) => {
  const { noting, ran, call } = await brief(t);
  const { serverExit } = Instance.prototype;
  Instance.prototype.serverExit = () => Promise.resolve({ exitCode: 3, oomKilled: false });
  t.teardown(() => void (Instance.prototype.serverExit = serverExit));
  const broken =
    "const error = new Error('accepts no connections any more'); error.name = 'BrokenOff'; throw error";
  const unlessDead = `if (globalThis.dead) { ${broken} }; `;
  const first = call(noting('first'));
  const front = ending(call(noting('front', `globalThis.dead = true; ${broken}`)));
  const others = Promise.all(['a', 'b'].map((name) => call(unlessDead + noting(name))));
  await first;
  t.is(await front, 'INSTANCE_CRASHED');
  t.deepEqual(await others, ['a', 'b']);
  t.deepEqual(ran().sort(), ['a', 'b', 'first', 'front']);
});

test('when a call answers after its time limit, before its container is gone, the calls behind it run elsewhere', async (t) => {
  const { clock, fixture, noting, ran, call } = await brief(t, { timeoutMs: 1_000 });
  const { driver } = fixture.pools;
  let remove = (): void => undefined;
  driver.removeGate = new Promise((resolve) => (remove = resolve));
  const { kill } = driver;
  driver.kill = () => Promise.resolve();
  const first = call(noting('first'));
  const front = ending(call(noting('front', computing(300))));
  const second = call(noting('second'));
  await first;
  await until(() => ran().includes('front'));
  clock.move(1_000);
  t.is(await front, 'INVOCATION_TIMEOUT');
  t.is(await second, 'second');
  t.deepEqual(ran(), ['first', 'front', 'second']);
  driver.kill = kill;
  driver.removeGate = null;
  remove();
});

test('when the server stops, the call that runs and those behind it are told so', async (t) => {
  const { clock, fixture, noting, ran, call } = await brief(t);
  const first = call(noting('first'));
  const front = ending(call(noting('front', FOREVER)));
  const second = ending(call(noting('second')));
  await first;
  await until(() => ran().includes('front'));
  await fixture.pools.pool.destroy();
  t.is(await front, 'STOPPING');
  let isOver = false;
  void second.then(() => (isOver = true));
  await pass(clock, () => isOver);
  t.is(await second, 'STOPPING');
});

test('calls behind one that runs are recalled in time though their version has been replaced', async (t) => {
  const { clock, fixture, noting, ran, call } = await brief(t);
  const stop = new AbortController();
  const first = call(noting('first'));
  const front = ending(call(noting('front', FOREVER), stop.signal));
  const second = call(noting('second'));
  await first;
  await until(() => ran().includes('front'));
  const { id, active } = fixture.registry.record(fixture.ref);
  void fixture.pools.pool.retire(codeKeyOf(active, fixture.secrets.revisionOf(id)));
  clock.move(20);
  t.is(await second, 'second');
  stop.abort();
  let isOver = false;
  void front.then(() => (isOver = true));
  await pass(clock, () => isOver);
});

test('when a container cannot be stopped, calls that it may still run are not told that the server stops', async (t) => {
  const { clock, fixture, noting, ran, call } = await brief(t, { timeoutMs: 1_000 });
  const { driver } = fixture.pools;
  const first = call(noting('first'));
  const front = ending(call(noting('front', 'for (;;);')));
  const second = ending(call(noting('second')));
  await first;
  await until(() => ran().includes('front'));
  const { remove } = driver;
  driver.remove = () => Promise.reject(new Error('no daemon'));
  clock.move(1_000);
  t.is(await front, 'INVOCATION_TIMEOUT');
  let isOver = false;
  void second.then(() => (isOver = true));
  await pass(clock, () => isOver);
  t.is(await second, 'INSTANCE_CRASHED');
  driver.remove = remove;
});

test('calls behind one that is never sent run as if they were alone', async (t) => {
  const { fixture, noting, call } = await brief(t);
  const leave = new AbortController();
  const first = call(noting('first'));
  const front = ending(call(noting('front'), leave.signal));
  const others = Promise.all(['a', 'b'].map((name) => call(noting(name))));
  // Between the moment at which the waiting calls get their instance and the sending.
  fixture.finished.push = () => {
    leave.abort();
    return 0;
  };
  await first;
  t.is(await front, 'CANCELLED');
  t.deepEqual(await others, ['a', 'b']);
});

test('an instance is used again though all calls that it was to get together are never sent', async (t) => {
  const { fixture, noting, call } = await brief(t);
  const leave = new AbortController();
  const first = call(noting('first'));
  const all = ['a', 'b', 'c', 'd'].map((name) => ending(call(noting(name), leave.signal)));
  fixture.finished.push = () => {
    leave.abort();
    return 0;
  };
  await first;
  await Promise.all(all);
  t.is(await call(noting('next')), 'next');
});
