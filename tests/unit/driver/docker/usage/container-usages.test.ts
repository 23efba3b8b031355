import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { DriverError } from '../../../../../src/driver/driver.js';
import { procUsage } from '../../../../../src/driver/docker/usage/proc-usage.js';
import { changed, openOnFake, type Parts } from '../../../../helpers/fake-engine-driver.js';

const never = new AbortController().signal;

interface FakeProcess {
  name?: string;
  parent?: number;
  uid?: number;
  pssKb?: number;
  /** utime, stime, cutime, cstime. */
  ticks?: [number, number, number, number];
}

/** A directory as /proc shows these processes. */
function procWith(t: ExecutionContext, processes: Record<number, FakeProcess>): string {
  const root = mkdtempSync(join(tmpdir(), 'glambdar-proc-'));
  t.teardown(() => rmSync(root, { recursive: true }));
  writeFileSync(join(root, 'uptime'), '1 1');
  mkdirSync(join(root, 'self'));
  for (const [pid, process] of Object.entries(processes)) {
    const { name = 'node', parent = 1, uid = 0, pssKb, ticks = [0, 0, 0, 0] } = process;
    const directory = join(root, pid);
    mkdirSync(directory);
    writeFileSync(
      join(directory, 'status'),
      `Name:\t${name}\nUmask:\t0022\nPid:\t${pid}\nPPid:\t${parent}\nUid:\t${uid}\t${uid}\t${uid}\t${uid}\nGid:\t0\t0\t0\t0\n`,
    );
    writeFileSync(
      join(directory, 'stat'),
      `${pid} (a ) b) S ${parent} 1 1 0 -1 0 0 0 0 0 ${ticks.join(' ')} 20 0\n`,
    );
    if (pssKb !== undefined)
      writeFileSync(
        join(directory, 'smaps_rollup'),
        `5 - 7 ---p 00000000 00:00 0 [rollup]\nRss:  99999 kB\nPss:  ${String(pssKb).padStart(8)} kB\nPss_Anon: 7 kB\n`,
      );
  }
  return root;
}

const shim = 'containerd-shim';
const instance = (id: string, uid: number) => ({ id, uid });

test('an instance takes what the processes of its uid and its shim take', async (t) => {
  const root = procWith(t, {
    10: { name: shim, pssKb: 4_000 },
    11: { name: 'docker-init', parent: 10, uid: 501, pssKb: 100, ticks: [1, 2, 30, 0] },
    12: { parent: 11, uid: 501, pssKb: 20_000, ticks: [10, 5, 0, 4] },
    20: { name: shim, pssKb: 5_000 },
    21: { parent: 20, uid: 502, pssKb: 30_000 },
    30: { uid: 7, pssKb: 1_000_000 },
  });
  const usage = await procUsage(root, [instance('a', 501), instance('b', 502), instance('c', 503)]);
  t.deepEqual(Object.fromEntries(usage), {
    a: { memoryBytes: 24_100 * 1024, cpuMs: 520 },
    b: { memoryBytes: 35_000 * 1024, cpuMs: 0 },
  });
});

test('a shim that holds several containers is divided among them', async (t) => {
  const root = procWith(t, {
    10: { name: shim, pssKb: 6_000 },
    11: { parent: 10, uid: 501, pssKb: 100 },
    12: { parent: 10, uid: 502, pssKb: 200 },
    13: { parent: 10, uid: 0, pssKb: 300 },
    14: { name: 'runc', parent: 10, pssKb: 400 },
  });
  const usage = await procUsage(root, [instance('a', 501), instance('b', 502)]);
  t.is(usage.get('a')?.memoryBytes, 2_100 * 1024);
  t.is(usage.get('b')?.memoryBytes, 2_200 * 1024);
});

test('a shim whose only child is about to become a container is counted whole', async (t) => {
  const root = procWith(t, {
    10: { name: shim, pssKb: 6_000 },
    11: { name: 'runc:[2:INIT]', parent: 10, uid: 501, pssKb: 100 },
  });
  t.is((await procUsage(root, [instance('a', 501)])).get('a')?.memoryBytes, 6_100 * 1024);
});

test('without a shim above it an instance takes what its processes take', async (t) => {
  const root = procWith(t, {
    10: { name: 'conmon', pssKb: 6_000 },
    11: { parent: 10, uid: 501, pssKb: 100 },
  });
  t.is((await procUsage(root, [instance('a', 501)])).get('a')?.memoryBytes, 100 * 1024);
});

test('processes that end while they are looked at are left out', async (t) => {
  const root = procWith(t, {
    11: { uid: 501, pssKb: 100 },
    12: { uid: 501 },
    13: { uid: 502 },
  });
  const usage = await procUsage(root, [instance('a', 501), instance('b', 502)]);
  t.deepEqual([...usage.keys()], ['a']);
});

test('an instance with a process that must not be measured is absent', async (t) => {
  const root = procWith(t, { 11: { uid: 501, pssKb: 100 }, 12: { uid: 501 } });
  mkdirSync(join(root, '12/smaps_rollup')); // reading it fails for another reason than that it is gone
  t.is((await procUsage(root, [instance('a', 501)])).size, 0);
});

test('where there is no /proc nothing is known', async (t) => {
  t.is((await procUsage('/does/not/exist', [instance('a', 501)])).size, 0);
});

/** A driver to which /proc tells about instance `a` alone. */
async function half(t: ExecutionContext): Promise<Parts> {
  const parts = await openOnFake(t, {
    pingLimitMs: 1_000,
    procRoot: procWith(t, { 11: { uid: 501, pssKb: 100 } }),
  });
  for (const name of ['a', 'b', 'c', 'd']) await parts.driver.start(parts.spec(name), never);
  return parts;
}

const all = ['a', 'b', 'c', 'd', 'gone'].map((name, index) => instance(name, 501 + index));

test.serial('whom /proc does not tell about the daemon is asked about', async (t) => {
  const { engine, driver } = await half(t);
  engine.stats.set('glambdar-b', {
    memory_stats: { usage: 30_000_000, stats: { inactive_file: 1, total_inactive_file: 10_000_000 } },
    cpu_stats: { cpu_usage: { total_usage: 1_234_567_890 } },
  });
  engine.stats.set('glambdar-c', { memory_stats: { usage: 5, stats: { inactive_file: 6 } }, cpu_stats: {} });
  engine.stats.set('glambdar-d', { memory_stats: {}, cpu_stats: { cpu_usage: { total_usage: 0 } } });
  t.deepEqual(Object.fromEntries(await driver.usage(all)), {
    a: { memoryBytes: 102_400, cpuMs: 0 },
    b: { memoryBytes: 20_000_000, cpuMs: 1_235 },
    c: { memoryBytes: 0, cpuMs: null },
  });
  const asked = engine.requests.filter((line) => line.endsWith('/stats'));
  t.deepEqual(
    asked.sort(),
    ['b', 'c', 'd', 'gone'].map((name) => `GET /containers/glambdar-${name}/stats`),
  );
});

test.serial('one the daemon cannot measure is absent; a daemon that is away rejects', async (t) => {
  const { engine, driver } = await half(t);
  engine.failures.set('GET /containers/glambdar-b/stats', { status: 500, message: 'no cgroup' });
  t.deepEqual([...(await driver.usage(all)).keys()], ['a']);
  const gone = changed(driver, false);
  await engine.goAway();
  await gone;
  const error = await t.throwsAsync(driver.usage(all), { instanceOf: DriverError });
  t.is(error.kind, 'unavailable');
  t.deepEqual([...(await driver.usage(all.slice(0, 1))).keys()], ['a'], 'nobody has to be asked');
  await engine.comeBack();
});
