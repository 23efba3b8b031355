/** Having instances ready before calls come, through a whole pool; what is planned is in refill-plan.test.ts. */
import { readdirSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import test, { type ExecutionContext } from 'ava';
import { DriverError } from '../../../src/driver/driver.js';
import { createLogger } from '../../../src/logger.js';
import type { Instance } from '../../../src/instance/instance.js';
import type { PoolOptions } from '../../../src/pool/pool.js';
import { PoolFixture, call, request, until, workload } from '../../helpers/pool-fixture.js';
import type { Script } from '../../helpers/scripted-worker.js';

const KEEP_ALIVE = 600_000;
const roomy = { maxInstances: 16, maxStarting: 4, maxRefilling: 4, placesForCalls: 0, maxWaiting: 20 };

/** A pool with room for many, and what its instances are. */
class ReplenishedFixture extends PoolFixture {
  readonly instances: Set<Instance>;
  readonly warnings: unknown[][];
  /** Looks the replenisher has taken: each asks for the driver's health. */
  looks = 0;

  constructor(t: ExecutionContext, options: Partial<PoolOptions> = {}, script: Script = {}) {
    const instances = new Set<Instance>();
    const warnings: unknown[][] = [];
    const logger = { ...createLogger('silent') };
    for (const level of ['debug', 'error'] as const) logger[level] = () => undefined;
    logger.warn = (...line: unknown[]) => void warnings.push(line);
    super(
      t,
      {
        limits: roomy,
        surplusMs: 1e9,
        logger,
        onTransition: (instance) => void instances.add(instance),
        ...options,
      },
      script,
    );
    this.instances = instances;
    this.warnings = warnings;
    const health = this.driver.health.bind(this.driver);
    this.driver.health = () => {
      this.looks += 1;
      return health();
    };
  }

  /** Those that hold this code and wait for a call. */
  loaded(key = 'a'): Instance[] {
    return [...this.instances].filter(({ state, codeKey }) => state === 'idle' && codeKey === key);
  }

  get standbys(): Instance[] {
    return [...this.instances].filter(({ state }) => state === 'standby');
  }

  /** Instances there are, in any state. */
  get present(): number {
    return Object.values(this.pool.counts()).reduce((sum, count) => sum + count, 0);
  }

  get begun(): number {
    return this.driver.started.length;
  }

  /** Resolves when it was looked again at what is missing, after everything so far. */
  async looked(): Promise<void> {
    const { looks } = this;
    this.pool.activate(workload({ key: 'nobody', standby: 0 }));
    await until(() => this.looks > looks);
  }
}

test('the standbys are there after opening, and again after one was taken', async (t) => {
  const fixture = new ReplenishedFixture(t, { minStandby: 2 });
  await until(() => fixture.standbys.length === 2);
  const lease = await fixture.acquire();
  t.is(lease.start, 'standby');
  t.is(lease.times.startMs, 0);
  await until(() => fixture.standbys.length === 2);
  await fixture.looked();
  t.is(fixture.begun, 3);
});

test('a profile in use has a standby, where there are standbys at all', async (t) => {
  const fixture = new ReplenishedFixture(t, { minStandby: 2 });
  await until(() => fixture.standbys.length === 2);
  fixture.pool.activate(workload({ memoryMb: 512 }));
  await until(() => fixture.standbys.length === 3 && fixture.loaded().length === 1);
  t.deepEqual(fixture.standbys.map(({ profile }) => profile.memoryMb).sort(), [128, 128, 512]);
});

test('a function in use has one loaded, one that is not used has none', async (t) => {
  const fixture = new ReplenishedFixture(t);
  fixture.pool.activate(workload({ key: 'unused' }), KEEP_ALIVE);
  fixture.pool.activate(workload({ key: 'never' }), Infinity);
  fixture.pool.activate(workload({ key: 'used' }), KEEP_ALIVE - 60_000);
  await until(() => fixture.loaded('used').length === 1);
  await fixture.looked();
  t.is(fixture.begun, 1);
});

test('a call finds the loaded one, and it is replaced', async (t) => {
  const refilled: number[] = [];
  const fixture = new ReplenishedFixture(t, { onRefilled: (ms) => refilled.push(ms) });
  fixture.pool.activate(workload());
  await until(() => fixture.loaded().length === 1);
  const lease = await fixture.acquire();
  t.is(lease.start, 'loaded');
  t.deepEqual({ ...lease.times, queueMs: 0 }, { queueMs: 0, startMs: 0, loadMs: 0 });
  t.deepEqual(refilled, []);
  await until(() => refilled.length === 1);
  t.true(refilled[0]! > 0);
  t.true(fixture.loaded().length >= 1);
  t.like(await call(lease), { message: { statusCode: 200 } });
  await lease.release(false);
  t.is((await fixture.acquire()).start, 'loaded');
});

test('after a burst as many are ready as came at once', async (t) => {
  const fixture = new ReplenishedFixture(t, { limits: { ...roomy, maxInstances: 24 } });
  fixture.pool.activate(workload());
  const leases = await Promise.all(Array.from({ length: 6 }, () => fixture.acquire()));
  await Promise.all(leases.map((lease) => lease.release(false)));
  // On a busy machine replacements take long, and more are kept for that.
  await until(() => fixture.loaded().length >= 6);
  const again = await Promise.all(Array.from({ length: 6 }, () => fixture.acquire()));
  t.deepEqual(new Set(again.map(({ start }) => start)), new Set(['loaded']));
});

test('one that is reused is not replaced while it is in a call', async (t) => {
  const fixture = new ReplenishedFixture(t);
  fixture.pool.activate(workload({ reuse: true, standby: 1 }));
  await until(() => fixture.loaded().length === 1);
  const lease = await fixture.acquire({ reuse: true, standby: 1 });
  await fixture.looked();
  t.is(fixture.begun, 1);
  await lease.release(true);
  t.is((await fixture.acquire({ reuse: true, standby: 1 })).start, 'warm');
});

test('called instances go when their function may not reuse them any more', async (t) => {
  const fixture = new ReplenishedFixture(t);
  fixture.pool.activate(workload({ reuse: true, standby: 1 }));
  await (await fixture.acquire({ reuse: true, standby: 1 })).release(true);
  const [called] = fixture.loaded();
  t.is(called!.calls, 1);
  fixture.pool.activate(workload({ reuse: false, standby: 1 }));
  await until(() => called!.state === 'stopped' && fixture.loaded().length === 1);
  t.is(fixture.loaded()[0]!.calls, 0);
});

test("a deploy's load check leaves one loaded, whose output is the first call's", async (t) => {
  const fixture = new ReplenishedFixture(
    t,
    {},
    {
      load: ({ id }, { send }) => {
        send({ type: 'log', id, stream: 'stdout' }, Buffer.from('module'));
        send({ type: 'loaded', id });
      },
    },
  );
  const check = await fixture.acquire({ check: true, standby: 1 });
  t.deepEqual(check.loadLogs, []);
  await check.release(true);
  fixture.pool.activate(workload({ standby: 1 }));
  await fixture.looked();
  t.is(fixture.begun, 1, 'it is the one that is wanted');
  const lease = await fixture.acquire({ standby: 1 });
  t.is(lease.start, 'loaded');
  t.deepEqual(
    lease.loadLogs.map(([stream, text]) => [stream, text.toString()]),
    [['stdout', 'module']],
  );
});

test('a load check of a version that is not published leaves nothing', async (t) => {
  const fixture = new ReplenishedFixture(t);
  await (await fixture.acquire({ check: true })).release(true);
  t.is(fixture.loaded().length, 1);
  await fixture.pool.retire('a');
  await t.notThrowsAsync(fixture.empty());
});

test('without a budget nothing is kept, and calls are served', async (t) => {
  const fixture = new ReplenishedFixture(t, { memoryBudgetBytes: 0, minStandby: 2 });
  fixture.pool.activate(workload({ reuse: true }));
  const lease = await fixture.acquire({ reuse: true });
  t.is(lease.start, 'cold');
  await lease.release(true);
  await until(() => fixture.present === 0);
  await fixture.looked();
  t.is(fixture.begun, 1);
});

test('a budget that is too small goes to what is worth most', async (t) => {
  const fixture = new ReplenishedFixture(t, { memoryBudgetBytes: 30e6 });
  fixture.pool.activate(workload({ key: 'seldom' }));
  await until(() => fixture.loaded('seldom').length === 1);
  const [seldom] = fixture.loaded('seldom');
  fixture.pool.activate(workload({ key: 'often' }));
  await (await fixture.acquire({ key: 'often' })).release(false);
  await until(() => fixture.loaded('often').length === 1);
  t.is(seldom!.state, 'stopped');
  const { begun } = fixture;
  for (let n = 0; n < 3; n += 1) await fixture.looked();
  t.is(fixture.begun, begun, 'and stays there');
  t.is(fixture.loaded('often').length, 1);
});

test('a number that was asked for is kept exactly', async (t) => {
  const fixture = new ReplenishedFixture(t);
  fixture.pool.activate(workload({ standby: 3 }), Infinity);
  await until(() => fixture.loaded().length === 3);
  const taken = await fixture.acquire({ standby: 3 });
  await until(() => fixture.loaded().length === 3);
  t.is(fixture.begun, 4);
  fixture.pool.activate(workload({ standby: 1 }));
  await until(() => fixture.loaded().length === 1);
  fixture.pool.activate(workload({ standby: 0 }));
  await until(() => fixture.loaded().length === 0);
  await taken.release(false);
  await fixture.looked();
  t.is(fixture.present, 0);
  t.is(fixture.begun, 4);
});

test('of a function in use the files are prepared, whatever is loaded of it', async (t) => {
  const fixture = new ReplenishedFixture(t);
  fixture.pool.activate(workload({ standby: 0 }));
  fixture.pool.activate(workload({ key: 'unused', standby: 0 }), Infinity);
  await until(() => readdirSync(fixture.runDir).length > 0);
  t.is(readdirSync(fixture.runDir).length, 1);
  t.is(fixture.begun, 0);
});

test('retiring a version stops its instances and removes its trees', async (t) => {
  const fixture = new ReplenishedFixture(t);
  fixture.pool.activate(workload({ standby: 2 }));
  await until(() => fixture.loaded().length === 2);
  const lease = await fixture.acquire({ standby: 2 });
  await until(() => fixture.loaded().length === 2);
  await lease.release(false);
  t.true(
    readdirSync(fixture.runDir).some((name) => name.startsWith('tree-')),
    'one is put aside',
  );
  await fixture.pool.retire('a');
  t.is(fixture.loaded().length, 0);
  await t.notThrowsAsync(fixture.empty());
});

test('what is being loaded for a version as it is retired goes too', async (t) => {
  let loaded!: () => void;
  const fixture = new ReplenishedFixture(
    t,
    {},
    { load: ({ id }, { send }) => void (loaded = () => send({ type: 'loaded', id })) },
  );
  fixture.pool.activate(workload());
  await until(() => fixture.pool.counts().loading === 1);
  await until(() => loaded !== undefined);
  await fixture.pool.retire('a');
  loaded();
  await t.notThrowsAsync(fixture.empty());
});

test('a new version replaces what is ready of the old one', async (t) => {
  const fixture = new ReplenishedFixture(t);
  fixture.pool.activate(workload({ key: 'a' }));
  await until(() => fixture.loaded('a').length === 1);
  fixture.pool.activate({ ...workload({ key: 'a2' }), flow: 'a' });
  await fixture.pool.retire('a');
  await until(() => fixture.loaded('a2').length === 1);
  t.is(fixture.loaded('a').length, 0);
});

test('a tree whose instance ends before it is moved there is not lost', async (t) => {
  const fixture = new ReplenishedFixture(t);
  let prepare: (() => void) | undefined;
  const prepareTree = async (target: string): Promise<void> => {
    await new Promise<void>((resolve) => (prepare = resolve));
    await mkdir(target);
  };
  fixture.pool.activate(workload({ prepareTree }));
  await until(() => prepare !== undefined);
  const destroyed = fixture.pool.destroy();
  prepare!();
  await destroyed;
  await t.notThrowsAsync(fixture.empty());
});

test('code that does not load is not loaded ahead for a while, and the next call is told', async (t) => {
  const error = { name: 'Error', message: 'user code', stack: '' };
  const fixture = new ReplenishedFixture(
    t,
    {},
    {
      load: ({ id, name }, { send }) =>
        send(name === 'bad' ? { type: 'load-failed', id, error } : { type: 'loaded', id }),
    },
  );
  fixture.pool.activate(workload({ key: 'bad' }));
  await until(() => fixture.driver.removed.length === 1);
  fixture.pool.activate(workload({ key: 'good' }));
  await until(() => fixture.loaded('good').length === 1);
  await fixture.looked();
  t.is(fixture.begun, 2);
  t.deepEqual(fixture.warnings, [], 'it is not ours to complain');
  await t.throwsAsync(fixture.acquire({ key: 'bad' }), { name: 'LoadFailure', message: 'user code' });
});

test('loading ahead that ends otherwise is tried later, and logged', async (t) => {
  const fixture = new ReplenishedFixture(
    t,
    {},
    {
      load: ({ id, name }, { send, socket }) =>
        name === 'bad' ? socket.destroy() : send({ type: 'loaded', id }),
    },
  );
  fixture.pool.activate(workload({ key: 'bad' }));
  await until(() => fixture.driver.removed.length === 1);
  fixture.pool.activate(workload({ key: 'good' }));
  await until(() => fixture.loaded('good').length === 1);
  await fixture.looked();
  t.is(fixture.begun, 2);
  t.like(fixture.warnings, [
    [{ function: 'bad', err: { name: 'ConnectionLost' } }, 'could not be loaded ahead'],
  ]);
});

test('one that dies idle is replaced only after a while', async (t) => {
  const fixture = new ReplenishedFixture(t);
  fixture.pool.activate(workload());
  await until(() => fixture.loaded().length === 1);
  await fixture.driver.kill(fixture.driver.present[0]!);
  await until(() => fixture.present === 0);
  fixture.pool.activate(workload({ key: 'b' }));
  await until(() => fixture.loaded('b').length === 1);
  await fixture.looked();
  t.is(fixture.begun, 2);
  t.is((await fixture.acquire()).start, 'cold');
  await until(() => fixture.loaded().length >= 1);
  t.pass('a call that it serves ends the rest');
});

test('starts ahead of calls that fail are not repeated at once, those of calls are', async (t) => {
  const fixture = new ReplenishedFixture(t, { minStandby: 1 });
  fixture.driver.failures = [new DriverError('failed', 'no')];
  await until(() => fixture.driver.removed.length === 1);
  await fixture.looked();
  t.is(fixture.begun, 1);
  const lease = await fixture.acquire();
  t.is(lease.start, 'cold');
  await until(() => fixture.standbys.length === 1);
  t.is(fixture.begun, 3, 'that worked, so others do');
});

test('nothing is begun while the driver is away, and what is missing is replaced when it is back', async (t) => {
  const fixture = new ReplenishedFixture(t);
  fixture.pool.activate(workload({ standby: 2 }));
  await until(() => fixture.loaded().length === 2);
  fixture.driver.setHealth({ available: false, reason: 'restarting' });
  await Promise.all(fixture.driver.present.map((id) => fixture.driver.kill(id)));
  await until(() => fixture.present === 0);
  await fixture.looked();
  t.is(fixture.begun, 2);
  fixture.driver.setHealth({ available: true });
  await until(() => fixture.loaded().length === 2);
  t.is(fixture.begun, 4, 'although what ended idle is otherwise replaced later');
});

test('an idle instance that computes is stopped, logged and replaced only after a while', async (t) => {
  const fixture = new ReplenishedFixture(t);
  Object.defineProperty(fixture.driver.typicalUsage, 'cpuMs', {
    enumerable: true,
    get: () => performance.now(),
  });
  fixture.pool.activate(workload());
  await until(() => fixture.loaded().length === 1);
  await until(() => fixture.present === 0);
  t.like(fixture.warnings, [[{ function: 'a' }, 'an idle instance computes without a call; stopped']]);
  await fixture.looked();
  t.is(fixture.begun, 1);
});

test('memory of idle instances that cannot be measured is a guess', async (t) => {
  const fixture = new ReplenishedFixture(t);
  fixture.driver.usageFailure = new DriverError('unavailable', 'no');
  fixture.pool.activate(workload({ standby: 2 }));
  await until(() => fixture.loaded().length === 2);
  t.is(fixture.pool.gauges().idleBytes, 2 * 24 * 1024 * 1024);
});

/** The order in which calls were served and functions loaded ahead, on one place after another. */
async function turns(fixture: ReplenishedFixture, waiting: number): Promise<string[]> {
  const order: string[] = [];
  fixture.pool.activate(workload({ standby: 0 }));
  const first = await fixture.acquire({ standby: 0 });
  const serve = async (): Promise<void> => {
    const lease = await fixture.acquire({ standby: 0 });
    if (fixture.loaded('b').length > 0 && !order.includes('b')) order.push('b');
    order.push('a');
    await lease.release(false);
  };
  const served = Array.from({ length: waiting }, serve);
  fixture.pool.activate(workload({ key: 'b' }));
  await fixture.looked();
  await first.release(false);
  await Promise.all(served);
  return order;
}

test('while calls of one function wait another is refilled in its turn', async (t) => {
  const limits = { maxInstances: 2, maxStarting: 1, maxRefilling: 2, placesForCalls: 0, maxWaiting: 100 };
  const fixture = new ReplenishedFixture(t, { limits });
  const order = await turns(fixture, 40);
  const before = order.indexOf('b');
  t.true(before >= 0 && before < 4, order.join(' '));
});

test('with nobody waiting the last places are left to calls', async (t) => {
  const fixture = new ReplenishedFixture(t, {
    limits: { maxInstances: 8, maxStarting: 2, maxRefilling: 2, placesForCalls: 2, maxWaiting: 10 },
  });
  for (const key of ['a', 'b']) fixture.pool.activate(workload({ key, standby: 4 }));
  await until(() => fixture.loaded('a').length + fixture.loaded('b').length === 6);
  await fixture.looked();
  t.is(fixture.begun, 6);
  t.is((await fixture.acquire({ key: 'c' })).start, 'cold');
  t.is(fixture.driver.removed.length, 0);
});

test('one that breaks the protocol in the same breath as it has loaded is not kept', async (t) => {
  const fixture = new ReplenishedFixture(
    t,
    {},
    {
      load: ({ id }, { send }) => {
        send({ type: 'loaded', id });
        send({ type: 'loaded', id });
      },
    },
  );
  fixture.pool.activate(workload({ standby: 1 }));
  await until(() => fixture.begun === 1);
  await fixture.looked();
  await until(
    () =>
      fixture.pool.counts().stopping +
        fixture.pool.counts().idle +
        fixture.pool.counts().loading +
        fixture.pool.counts().starting ===
      0,
  );
  t.is(fixture.pool.counts().idle, 0);
});

test('a call may take over what is being loaded ahead for it', async (t) => {
  let finish: (() => void) | undefined;
  const fixture = new ReplenishedFixture(
    t,
    {},
    { load: ({ id }, { send }) => void (finish = () => send({ type: 'loaded', id })) },
  );
  fixture.pool.activate(workload({ standby: 1 }));
  await until(() => finish !== undefined);
  const acquired = fixture.pool.acquire(request({ standby: 1 }));
  t.is(fixture.begun, 1);
  finish!();
  t.is((await acquired).start, 'standby');
});

test('before opening and after draining nothing is made ready', async (t) => {
  const fixture = new ReplenishedFixture(t, { minStandby: 1 });
  fixture.pool.drain();
  fixture.pool.activate(workload());
  await t.notThrowsAsync(fixture.empty());
  t.is(fixture.begun, 0);
});

test('the only function that is called keeps a loaded one, though others were deployed into all places', async (t) => {
  const limits = { maxInstances: 4, maxStarting: 2, maxRefilling: 2, placesForCalls: 1, maxWaiting: 10 };
  const fixture = new ReplenishedFixture(t, { limits });
  for (const key of ['a', 'b', 'c', 'd']) {
    const standby = key === 'a' ? 1 : null;
    await (await fixture.acquire({ key, standby, check: true })).release(true);
    fixture.pool.activate(workload({ key, standby }), Infinity, true);
  }
  t.is(fixture.present, 4);
  const starts: string[] = [];
  for (let n = 0; n < 5; n += 1) {
    await until(() => fixture.loaded('a').length === 1);
    const lease = await fixture.acquire({ key: 'a', standby: 1 });
    starts.push(lease.start);
    await lease.release(false);
  }
  t.deepEqual(starts, ['loaded', 'loaded', 'loaded', 'loaded', 'loaded']);
  await fixture.looked();
  t.is(fixture.begun, 4 + 5, 'each call was replaced once, and nothing else was made');
  t.is(['b', 'c', 'd'].filter((key) => fixture.loaded(key).length === 1).length, 2, 'one of them had to go');
});

test('a call that finds all places taken by what deploys left gets the next start', async (t) => {
  const limits = { maxInstances: 4, maxStarting: 2, maxRefilling: 2, placesForCalls: 1, maxWaiting: 10 };
  const fixture = new ReplenishedFixture(t, { limits });
  for (const key of ['a', 'b', 'c', 'd', 'e']) {
    await (await fixture.acquire({ key, check: true })).release(true);
    fixture.pool.activate(workload({ key }), Infinity, true);
  }
  const { begun } = fixture;
  const evicted = ['a', 'b', 'c', 'd', 'e'].find((key) => fixture.loaded(key).length === 0)!;
  t.is((await fixture.acquire({ key: evicted })).start, 'cold');
  t.is(fixture.begun, begun + 1);
});

test('no replacement is started while a call’s standby loads', async (t) => {
  let finish: (() => void) | undefined;
  const lull = { quietMs: 300, mostMs: 300 };
  const fixture = new ReplenishedFixture(
    t,
    { minStandby: 1, lull },
    { load: ({ id }, { send }) => void (finish = () => send({ type: 'loaded', id })) },
  );
  await until(() => fixture.standbys.length === 1);
  const acquired = fixture.acquire();
  await until(() => finish !== undefined);
  t.is(fixture.driver.started.length, 1);
  finish!();
  await (await acquired).release(false);
  await until(() => fixture.driver.started.length === 2);
});

test('idle instances stop when others take places of the pool, and come back when those are free again', async (t) => {
  let taken = 0;
  const limits = {
    ...roomy,
    get maxInstances() {
      return 4 - taken;
    },
  };
  const fixture = new ReplenishedFixture(t, { minStandby: 4, limits });
  await until(() => fixture.standbys.length === 4);
  taken = 3;
  fixture.pool.limitsChanged();
  await until(() => fixture.pool.size === 1);
  taken = 0;
  fixture.pool.limitsChanged();
  await until(() => fixture.standbys.length === 4);
  t.is(fixture.pool.size, 4);
});
