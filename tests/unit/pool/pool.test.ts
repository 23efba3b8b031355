import { readdirSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { GlambdarError } from '../../../src/errors.js';
import type { Lease } from '../../../src/pool/act/lease.js';
import { ManualClock } from '../../helpers/manual-clock.js';
import { PoolFixture, call, until, workload, type AcquireOptions } from '../../helpers/pool-fixture.js';
import { response } from '../../helpers/scripted-worker.js';

test('a first call walks the whole path and leaves nothing', async (t) => {
  const fixture = new PoolFixture(t);
  const lease = await fixture.acquire();
  t.is(lease.start, 'cold');
  t.true(lease.times.queueMs >= 0 && lease.times.startMs > 0 && lease.times.loadMs > 0);
  t.like(await call(lease), { message: { statusCode: 200 } });
  t.deepEqual(readdirSync(fixture.runDir).length, 1, 'one slot, no tree beside it');
  t.deepEqual(await lease.release(false), { stdout: '', stderr: '' });
  t.deepEqual(fixture.transitions, [
    '>starting',
    'starting>standby',
    'standby>loading',
    'loading>idle',
    'idle>busy',
    'busy>stopping',
    'stopping>stopped',
  ]);
  await fixture.empty();
});

test('a call may be over before the engine has said that its container started; that start is not given up', async (t) => {
  const fixture = new PoolFixture(t);
  let say!: () => void;
  fixture.driver.answerGate = new Promise((resolve) => (say = resolve));
  const lease = await fixture.acquire();
  await call(lease);
  const released = lease.release(false, true);
  await new Promise((resolve) => setImmediate(resolve));
  t.deepEqual(fixture.driver.removed, []);
  say();
  await released;
  t.is(fixture.driver.removed.length, 1);
  await fixture.empty();
});

test('the tree lies in the slot as the worker is told to load it', async (t) => {
  const seen: string[][] = [];
  const fixture: PoolFixture = new PoolFixture(
    t,
    {},
    {
      load: ({ id }, { send }) => {
        const [slot] = readdirSync(fixture.runDir);
        seen.push(readdirSync(join(fixture.runDir, slot!, 'function')));
        send({ type: 'loaded', id });
      },
    },
  );
  const prepareTree = async (target: string): Promise<void> => {
    await mkdir(target);
    await writeFile(join(target, 'index.js'), '');
  };
  await (await fixture.acquire({ prepareTree })).release(false);
  t.deepEqual(seen, [['index.js']]);
});

test('a kept instance serves the next call of its function, most recently used first', async (t) => {
  const fixture = new PoolFixture(t);
  fixture.pool.activate(workload({ reuse: true, standby: 0 }));
  const [first, second] = await Promise.all([
    fixture.acquire({ reuse: true }),
    fixture.acquire({ reuse: true }),
  ]);
  await call(first, 'first');
  await first.release(true);
  await until(() => performance.now() > 0);
  await second.release(true);
  const [, secondId] = fixture.driver.present;
  const next = await fixture.acquire({ reuse: true });
  t.is(next.start, 'warm');
  t.deepEqual({ ...next.times, queueMs: 0 }, { queueMs: 0, startMs: 0, loadMs: 0 });
  await fixture.driver.kill(secondId!);
  await t.throwsAsync(call(next), { message: /closed its connection/ });
  await next.release(true);
  t.is(fixture.pool.counts().idle, 1, 'the other one is still there');
  t.is(fixture.driver.started.length, 2);
});

test('a kept instance is not used by a call that may not reuse, nor by other code', async (t) => {
  const fixture = new PoolFixture(t);
  fixture.pool.activate(workload({ reuse: true, standby: 0 }));
  await (await fixture.acquire({ reuse: true })).release(true);
  t.is((await fixture.acquire({ reuse: false })).start, 'cold');
  t.is((await fixture.acquire({ reuse: true, key: 'b' })).start, 'cold');
  t.is((await fixture.acquire({ reuse: true })).start, 'warm');
});

test('a kept instance goes when it was idle for as long as it is kept', async (t) => {
  const fixture = new PoolFixture(t, { keepAliveMs: 30 });
  fixture.pool.activate(workload({ reuse: true, standby: 0 }));
  await (await fixture.acquire({ reuse: true })).release(true);
  const again = await fixture.acquire({ reuse: true });
  t.is(again.start, 'warm');
  await new Promise((resolve) => setTimeout(resolve, 40));
  t.is(fixture.pool.counts().busy, 1, 'one in use does not expire');
  await again.release(true);
  t.is(fixture.pool.counts().idle, 1);
  await until(() => fixture.driver.present.length === 0);
});

test('an instance that has used up half of its CPU time is not kept', async (t) => {
  const fixture = new PoolFixture(t);
  await (await fixture.acquire({ reuse: true, cpuSeconds: 0 })).release(true);
  await t.notThrowsAsync(fixture.empty());
});

test('an idle instance whose worker dies or speaks goes at once', async (t) => {
  const fixture = new PoolFixture(
    t,
    {},
    {
      invoke: ({ id }, { send }) => {
        send(response(id));
        if (id === 'twice') setImmediate(() => send(response(id)));
      },
    },
  );
  const lease = await fixture.acquire({ reuse: true });
  await lease.release(true);
  await fixture.driver.kill(fixture.driver.present[0]!);
  await fixture.empty();
  const second = await fixture.acquire({ reuse: true });
  t.is(second.start, 'cold');
  await call(second, 'twice');
  await second.release(true);
  await fixture.empty();
});

test('an instance that crashed in a call is not kept', async (t) => {
  const fixture = new PoolFixture(t, {}, { invoke: (_message, { socket }) => socket.destroy() });
  fixture.driver.oomKilled = true;
  const lease = await fixture.acquire({ reuse: true });
  const calling = t.throwsAsync(call(lease));
  await fixture.driver.kill(fixture.driver.present[0]!);
  t.like(await calling, { name: 'InstanceFailure', exit: { exitCode: 137, oomKilled: true } });
  await lease.release(true);
  await fixture.empty();
});

test('a worker that breaks the protocol in a call is named and not kept', async (t) => {
  const fixture = new PoolFixture(t, {}, { invoke: (_message, { send }) => send(response('another')) });
  const lease = await fixture.acquire({ reuse: true });
  await t.throwsAsync(call(lease), {
    name: 'InstanceFailure',
    message: /broke the protocol: a response message for another id/,
  });
  await lease.release(true);
  await fixture.empty();
});

test('instances alive at a time have different uids and limits of their own', async (t) => {
  const fixture = new PoolFixture(t);
  await Promise.all([100, 101, 102].map((cpuSeconds) => fixture.acquire({ cpuSeconds })));
  const { started } = fixture.driver;
  t.is(new Set(started.map(({ user }) => user.uid)).size, 3);
  t.deepEqual(started.map(({ limits }) => limits.cpuSeconds).sort(), [100, 101, 102]);
});

test('waiting calls are served in the order of their coming', async (t) => {
  const fixture = new PoolFixture(t, {
    limits: { maxInstances: 1, maxStarting: 1, maxRefilling: 2, placesForCalls: 0, maxWaiting: 10 },
  });
  const served: string[] = [];
  const serve = async (name: string, reuse: boolean): Promise<void> => {
    const lease = await fixture.acquire({ key: name, reuse });
    served.push(`${name} ${lease.start}`);
    await lease.release(reuse);
  };
  await Promise.all([serve('a', false), serve('b', true), serve('c', false), serve('d', false)]);
  t.deepEqual(served, ['a cold', 'b cold', 'c cold', 'd cold']);
  t.is(fixture.pool.gauges().queueLength, 0);
  await fixture.empty();
});

test('a call that has waited too long is told when to come again', async (t) => {
  const fixture = new PoolFixture(t, {
    queueTimeoutMs: 1_000,
    limits: { maxInstances: 1, maxStarting: 1, maxRefilling: 2, placesForCalls: 0, maxWaiting: 5 },
  });
  const lease = await fixture.acquire();
  const error = await t.throwsAsync(fixture.acquire(), { instanceOf: GlambdarError });
  t.is(error.code, 'AT_CAPACITY');
  t.is(error.message, 'The call waited 1000 ms for a free container; try again later.');
  t.is(error.retryAfterSeconds, 1);
  t.is(fixture.pool.gauges().queueLength, 0);
  await lease.release(false);
  await fixture.empty();
});

test('a call is refused at once when the queue is full', async (t) => {
  const fixture = new PoolFixture(t, {
    limits: { maxInstances: 1, maxStarting: 1, maxRefilling: 2, placesForCalls: 0, maxWaiting: 1 },
  });
  const lease = await fixture.acquire();
  const waiting = fixture.acquire();
  const error = await t.throwsAsync(fixture.acquire(), { instanceOf: GlambdarError });
  t.is(error.code, 'AT_CAPACITY');
  t.true((error.retryAfterSeconds ?? 0) >= 1);
  t.throws(() => fixture.pool.assertAdmits('a'), { code: 'AT_CAPACITY' } as never);
  t.notThrows(() => fixture.pool.assertAdmits('b'), 'there may be an instance for another');
  await lease.release(false);
  await (await waiting).release(false);
  await fixture.empty();
});

test('a call waits for the short ones that run, and not for one that has become slow', async (t) => {
  const clock = new ManualClock();
  const fixture = new PoolFixture(t, { clock, cores: 1 });
  fixture.pool.activate(workload({ reuse: true, standby: 0 }));
  await (await fixture.acquire({ reuse: true })).release(true);
  const slow = await fixture.acquire({ reuse: true });
  t.is(slow.start, 'warm');
  let served = false;
  const next = fixture.acquire({ reuse: true }).finally(() => (served = true));
  clock.move(19);
  await new Promise((resolve) => setImmediate(resolve));
  t.false(served);
  t.is(fixture.driver.present.length, 1, 'nothing is started for it yet');
  clock.move(1);
  const lease = await next;
  t.is(lease.start, 'cold');
  await lease.release(true);
  const again = await fixture.acquire({ reuse: true });
  t.is(again.start, 'warm', 'the slow call counts no more');
  await again.release(false);
  await slow.release(false);
});

test('an idle instance of another function makes room when all places are taken', async (t) => {
  const fixture = new PoolFixture(t, {
    limits: { maxInstances: 2, maxStarting: 2, maxRefilling: 2, placesForCalls: 0, maxWaiting: 5 },
  });
  fixture.pool.activate(workload({ key: 'old', reuse: true, standby: 0 }));
  fixture.pool.activate(workload({ key: 'young', reuse: true, standby: 0 }));
  await (await fixture.acquire({ key: 'old', reuse: true })).release(true);
  await (await fixture.acquire({ key: 'young', reuse: true })).release(true);
  const other = await fixture.acquire({ key: 'new', memoryMb: 512 });
  t.is(other.start, 'cold');
  t.is(
    (await fixture.acquire({ key: 'young', reuse: true })).start,
    'warm',
    'the least recently used one went',
  );
  t.is(fixture.driver.removed.length, 1);
});

test('a place is taken until the container is removed', async (t) => {
  const fixture = new PoolFixture(t, {
    limits: { maxInstances: 1, maxStarting: 1, maxRefilling: 2, placesForCalls: 0, maxWaiting: 5 },
  });
  const lease = await fixture.acquire();
  let open!: () => void;
  fixture.driver.removeGate = new Promise((resolve) => (open = resolve));
  const released = lease.release(false);
  const next = fixture.acquire();
  t.is(fixture.driver.started.length, 1);
  t.is(fixture.pool.counts().stopping, 1);
  fixture.driver.removeGate = null;
  open();
  await released;
  await (await next).release(false);
});

test('a container that cannot be removed does not keep its place', async (t) => {
  const fixture = new PoolFixture(t);
  fixture.driver.removeFailure = new Error('daemon says no');
  await (await fixture.acquire()).release(false);
  t.deepEqual(Object.values(fixture.pool.counts()), [0, 0, 0, 0, 0, 0, 0]);
  t.deepEqual(readdirSync(fixture.runDir), []);
});

test('evicting a version stops its idle instances only', async (t) => {
  const fixture = new PoolFixture(t);
  fixture.pool.activate(workload({ key: 'a', reuse: true, standby: 0 }));
  fixture.pool.activate(workload({ key: 'b', reuse: true, standby: 0 }));
  const [a, b, running] = await Promise.all([
    fixture.acquire({ key: 'a', reuse: true }),
    fixture.acquire({ key: 'b', reuse: true }),
    fixture.acquire({ key: 'a', reuse: true }),
  ]);
  await Promise.all([a.release(true), b.release(true)]);
  await fixture.pool.retire('a');
  t.like(fixture.pool.counts(), { idle: 1, busy: 1, stopping: 0 });
  t.like(await call(running), { message: { statusCode: 200 } });
});

test('200 calls at once are all served within the limits', async (t) => {
  const limits = { maxInstances: 8, maxStarting: 4, maxRefilling: 2, placesForCalls: 0, maxWaiting: 300 };
  const most = { alive: 0, starting: 0 };
  const fixture: PoolFixture = new PoolFixture(t, {
    limits,
    onTransition: () => {
      const counts = fixture.pool.counts();
      most.starting = Math.max(most.starting, counts.starting);
      most.alive = Math.max(
        most.alive,
        Object.values(counts).reduce((sum, count) => sum + count, 0),
      );
    },
  });
  const uids = new Set<number>();
  const serve = async (index: number): Promise<void> => {
    const reuse = index % 2 === 0;
    const lease: Lease = await fixture.acquire({
      key: `f${index % 5}${reuse}`,
      reuse,
      memoryMb: 128 + (index % 3),
    });
    t.true(reuse || lease.start !== 'warm');
    const id = `call-${index}`;
    t.like(await call(lease, id), { message: { id } });
    await lease.release(reuse);
  };
  await Promise.all(Array.from({ length: 200 }, (_, index) => serve(index)));
  for (const { user } of fixture.driver.started) uids.add(user.uid);
  t.is(uids.size, fixture.driver.started.length, 'no uid comes again soon');
  t.true(most.alive <= limits.maxInstances, `${most.alive} were alive`);
  t.true(most.starting <= limits.maxStarting, `${most.starting} were starting`);
  t.is(fixture.pool.gauges().queueLength, 0);
  await fixture.pool.destroy();
  await fixture.empty();
});

test('draining rejects who waits, lets calls under way end and nobody in', async (t) => {
  const fixture = new PoolFixture(t, {
    limits: { maxInstances: 1, maxStarting: 1, maxRefilling: 2, placesForCalls: 0, maxWaiting: 5 },
  });
  const lease = await fixture.acquire({ reuse: true });
  const waiting = fixture.acquire();
  fixture.pool.drain();
  await t.throwsAsync(waiting, { code: 'STOPPING' } as never);
  await t.throwsAsync(fixture.acquire(), { code: 'STOPPING' } as never);
  t.like(await call(lease), { message: { statusCode: 200 } });
  await lease.release(true);
  await fixture.empty();
});

test('destroying ends everything in every state, calls and loads with STOPPING', async (t) => {
  const fixture = new PoolFixture(
    t,
    { limits: { maxInstances: 5, maxStarting: 1, maxRefilling: 2, placesForCalls: 0, maxWaiting: 10 } },
    {
      load: (message, { send }) => {
        if (message.memoryMb !== 999) send({ type: 'loaded', id: message.id });
      },
      invoke: () => undefined,
    },
  );
  fixture.pool.activate(workload({ reuse: true, standby: 0 }));
  const busy = await fixture.acquire();
  const calling = t.throwsAsync(call(busy), { instanceOf: GlambdarError });
  await (await fixture.acquire({ reuse: true })).release(true);
  const loading = t.throwsAsync(fixture.acquire({ memoryMb: 999 }), { instanceOf: GlambdarError });
  await until(() => fixture.pool.counts().loading === 1);
  fixture.driver.inhabitant = 'nobody';
  const starting = t.throwsAsync(fixture.acquire({ key: 's' }), { instanceOf: GlambdarError });
  const queued = t.throwsAsync(fixture.acquire({ key: 'q' }), { instanceOf: GlambdarError });
  t.like(fixture.pool.counts(), { busy: 1, idle: 1, loading: 1, starting: 1 });
  await Promise.all([fixture.pool.destroy(), fixture.pool.destroy()]);
  for (const error of await Promise.all([calling, loading, starting, queued])) t.is(error.code, 'STOPPING');
  await fixture.empty();
  await busy.release(true);
  t.deepEqual(Object.values(fixture.pool.counts()), [0, 0, 0, 0, 0, 0, 0]);
});

test('an instance of a version that was replaced serves calls for it that wait, and then goes', async (t) => {
  const fixture = new PoolFixture(t, {
    limits: { maxInstances: 1, maxStarting: 1, maxRefilling: 2, placesForCalls: 0, maxWaiting: 10 },
  });
  const first = await fixture.acquire({ reuse: true });
  const waiting = fixture.acquire({ reuse: true });
  await fixture.pool.retire('a');
  await first.release(true);
  const second = await waiting;
  t.is(second.start, 'warm');
  await second.release(true);
  t.is(fixture.driver.started.length, 1);
  await fixture.empty();
});

test('an instance that was called is not handed to a call that may not reuse it: the isolation may change meanwhile', async (t) => {
  const fixture = new PoolFixture(t, {
    limits: { maxInstances: 1, maxStarting: 1, maxRefilling: 2, placesForCalls: 0, maxWaiting: 10 },
  });
  fixture.pool.activate(workload({ reuse: true }));
  const first = await fixture.acquire({ reuse: true });
  fixture.pool.activate(workload({ reuse: false }));
  const waiting = fixture.acquire({ reuse: false });
  await first.release(true);
  const second = await waiting;
  t.not(second.instance, first.instance);
  t.is(second.start, 'cold');
  await second.release(false);
});

test('a load check takes its turn with the calls, and is not refused when the queue is full', async (t) => {
  const fixture = new PoolFixture(t, {
    limits: { maxInstances: 1, maxStarting: 1, maxRefilling: 2, placesForCalls: 0, maxWaiting: 3 },
  });
  const busy = await fixture.acquire();
  const order: string[] = [];
  const taken = async (name: string, options: AcquireOptions = {}): Promise<void> => {
    const lease = await fixture.acquire({ key: name, ...options });
    order.push(name);
    await lease.release(false);
  };
  const calls = ['call', 'call'].map((name) => taken(name));
  const checks = ['deploy', 'next deploy'].map((name) => taken(name, { check: true }));
  const last = taken('other');
  await t.throwsAsync(taken('one too many'), { message: /Too many calls wait/ });
  await busy.release(false);
  await Promise.all([...calls, ...checks, last]);
  t.deepEqual(order, ['call', 'deploy', 'other', 'call', 'next deploy']);
});

const onePlace = { maxInstances: 1, maxStarting: 1, maxRefilling: 2, placesForCalls: 0, maxWaiting: 9 };

test('a function that reuses its instance does not keep the only place while another function waits for a turn', async (t) => {
  const fixture = new PoolFixture(t, { limits: onePlace });
  const served: string[] = [];
  const serve = async (key: string): Promise<void> => {
    const lease = await fixture.acquire({ key, reuse: true });
    served.push(key);
    await lease.release(true);
  };
  const first = await fixture.acquire({ key: 'a', reuse: true });
  const calls = ['a', 'a', 'a', 'b', 'a'].map(serve);
  await first.release(true);
  await Promise.all(calls);
  t.is(served.join(''), 'baaaa');
});

test('an instance that a call gives back goes when there are more than may be, though calls wait for it', async (t) => {
  const limits = { ...onePlace, maxInstances: 2 };
  let room = 0;
  const fixture = new PoolFixture(t, { limits, onRoom: () => (room += 1) });
  const first = await fixture.acquire({ key: 'a', reuse: true });
  const second = await fixture.acquire({ key: 'a', reuse: true });
  const waiting = [fixture.acquire({ key: 'a', reuse: true }), fixture.acquire({ key: 'a', reuse: true })];
  limits.maxInstances = 1;
  fixture.pool.limitsChanged();
  await first.release(true);
  t.is(room, 1, 'a place for others');
  await second.release(true);
  t.is(room, 1, 'the other instance goes on');
  for (const lease of waiting) await (await lease).release(true);
});

/** A function that runs six calls at once on one core, of which four are as many as share it well, while more of its calls wait. */
async function crowd(t: ExecutionContext, waiting: number) {
  const clock = new ManualClock();
  const fixture = new PoolFixture(t, {
    clock,
    cores: 1,
    limits: { maxInstances: 6, maxStarting: 6, maxRefilling: 2, placesForCalls: 0, maxWaiting: 9 },
  });
  fixture.pool.activate(workload({ reuse: true, standby: 0 }));
  const running = await Promise.all(Array.from({ length: 6 }, () => fixture.acquire({ reuse: true })));
  const served: Lease[] = [];
  for (let count = 0; count < waiting; count += 1)
    void fixture.acquire({ reuse: true }).then((lease) => served.push(lease));
  clock.move(2);
  return { clock, fixture, running, served };
}

/** Lets everything happen that waits for nothing. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}

test('a function whose calls turn out to be short goes on with no more at once than share the cores well', async (t) => {
  const { running, served } = await crowd(t, 2);
  await running[0]!.release(true);
  await running[1]!.release(true);
  await settle();
  t.is(served.length, 0, 'four others run');
  await running[2]!.release(true);
  await settle();
  t.is(served.length, 1);
  await running[3]!.release(true);
  await settle();
  t.deepEqual(
    served.map(({ start }) => start),
    ['warm', 'warm'],
    'none waits for ever',
  );
  for (const lease of served) await lease.release(false);
});

test('a call that waits gets a container that stayed idle as soon as few enough run, though those that ran are stopped', async (t) => {
  const { fixture, running, served } = await crowd(t, 1);
  await running[0]!.release(true);
  await running[1]!.release(true);
  await settle();
  t.is(served.length, 0, 'four others run');
  let removed = (): void => undefined;
  fixture.driver.removeGate = new Promise((resolve) => (removed = resolve));
  void running[2]!.release(false);
  void running[3]!.release(false);
  await settle();
  t.is(served.length, 1);
  fixture.driver.removeGate = null;
  removed();
  await served[0]!.release(false);
});

test('calls that wait get containers that stayed idle when those that run turn out to be slow', async (t) => {
  const { clock, fixture, running, served } = await crowd(t, 2);
  // Nothing else makes the pool look.
  fixture.driver.usage = () => new Promise(() => undefined);
  await running[0]!.release(true);
  await running[1]!.release(true);
  for (let ms = 0; ms < 2_000; ms += 50) {
    clock.move(50);
    await settle();
  }
  t.is(served.length, 2);
  for (const lease of [...served, ...running.slice(2)]) await lease.release(false);
});
