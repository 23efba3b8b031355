import { setTimeout as sleep } from 'node:timers/promises';
import type { ExecutionContext } from 'ava';
import { ensureNodeImage } from '../../src/driver/docker/image/node-image.js';
import { DriverError, type DriverHealth, type ExitState } from '../../src/driver/driver.js';
import { Engine } from '../../src/driver/docker/engine/engine.js';
import { integration } from '../helpers/integration.js';
import { PrivateDaemon } from '../helpers/private-daemon.js';
import { ProbeDriver } from '../helpers/probe-driver.js';

/** A daemon of its own with the base image, and an open driver on it. */
async function setUp(t: ExecutionContext): Promise<{ daemon: PrivateDaemon; probes: ProbeDriver }> {
  const engine = new Engine({ socketPath: '/var/run/docker.sock' });
  const { reference } = await ensureNodeImage(engine, { progress: (line) => t.log(line) });
  engine.close();
  const daemon = await PrivateDaemon.start();
  t.teardown(() => daemon.destroy());
  await daemon.load(reference);
  return { daemon, probes: await ProbeDriver.open(t, { dockerHost: daemon.host }) };
}

/** Milliseconds until the health is as wanted. */
async function until(probes: ProbeDriver, available: boolean): Promise<number> {
  const startedAt = performance.now();
  const changed = new Promise<DriverHealth>((resolve) => {
    const stop = probes.driver.onHealth((health) => {
      if (health.available !== available) return;
      stop();
      resolve(health);
    });
  });
  if (probes.driver.health().available !== available) await changed;
  return performance.now() - startedAt;
}

async function containers(daemon: PrivateDaemon): Promise<string[]> {
  return (await daemon.docker.listContainers({ all: true })).map(({ Names }) => Names.join());
}

async function within(limitMs: number, condition: () => Promise<boolean>): Promise<boolean> {
  const deadline = performance.now() + limitMs;
  while (performance.now() < deadline) {
    if (await condition()) return true;
    await sleep(50);
  }
  return false;
}

integration(
  'a frozen daemon is noticed, starts under way reject, and its ghosts are removed when it wakes',
  async (t) => {
    const { daemon, probes } = await setUp(t);
    const probe = await probes.start();
    daemon.freeze();
    const frozenAt = performance.now();
    const started = probes.driver.start(probes.spec(), new AbortController().signal);
    started.catch(() => undefined);
    t.true((await until(probes, false)) < 2_700);
    const error = await t.throwsAsync(started, { instanceOf: DriverError });
    t.is(error.kind, 'unavailable');
    t.log(`noticed after ${Math.round(performance.now() - frozenAt)} ms`);
    t.regex(JSON.stringify(probes.driver.health()), /frozen for \d+ s/);
    await t.throwsAsync(probes.driver.start(probes.spec(), new AbortController().signal), {
      message: /frozen/,
    });
    t.is(await probe.evaluate('return 42'), 42, 'a call in flight does not need the daemon');
    t.is(await probes.driver.exitState(probe.id, 50), undefined);

    daemon.thaw();
    t.true((await until(probes, true)) < 1_500);
    t.true(await within(10_000, async () => (await containers(daemon)).join() === `/glambdar-${probe.id}`));
    await probes.start();
  },
);

integration(
  'a stopped daemon is noticed at once; after its return exits are known and starts work',
  async (t) => {
    const { daemon, probes } = await setUp(t);
    const probe = await probes.start();
    const exits: ExitState[] = [];
    probes.driver.onExit(probe.id, (exit) => exits.push(exit));
    const stopping = daemon.stop();
    const noticedMs = await until(probes, false);
    await stopping;
    t.regex(JSON.stringify(probes.driver.health()), /Docker is not running/);
    t.log(`noticed after ${Math.round(noticedMs)} ms, while it ended its containers`);
    await t.throwsAsync(probes.driver.start(probes.spec(), new AbortController().signal), {
      instanceOf: DriverError,
    });
    await t.throwsAsync(probes.driver.remove('neverstarted'), { instanceOf: DriverError });
    await daemon.restart();
    t.true((await until(probes, true)) < 1_500);
    t.true(await within(5_000, async () => exits.length === 1));
    await probes.start();
  },
);

integration(
  'a killed daemon is noticed within 0.6 s; the containers it left are found or removed after its return',
  async (t) => {
    const { daemon, probes } = await setUp(t);
    const probe = await probes.start();
    const given = await probes.start();
    const killed = daemon.kill();
    const noticedMs = await until(probes, false);
    t.true(noticedMs < 600, `noticed after ${noticedMs} ms`);
    t.is(await probe.evaluate('return 42'), 42, 'its containers go on');
    await t.throwsAsync(probes.driver.remove(given.id), { instanceOf: DriverError });
    await killed;
    await daemon.restart();
    t.true((await until(probes, true)) < 1_500);
    t.true(
      await within(10_000, async () => !(await containers(daemon)).some((name) => name.includes(given.id))),
    );
    t.truthy(await probes.driver.exitState(probe.id, 5_000), 'the restart ended it');
    await probes.driver.remove(probe.id);
    await probes.driver.close();
    t.deepEqual(await containers(daemon), []);
  },
);

integration('a blocked event loop is no outage', async (t) => {
  const { probes } = await setUp(t);
  const changes: DriverHealth[] = [];
  probes.driver.onHealth((health) => changes.push(health));
  for (let round = 0; round < 3; round += 1) {
    await sleep(round * 170 + 300);
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 3_000);
  }
  await sleep(700);
  t.deepEqual(changes, []);
});

integration('closing while the daemon is frozen takes no longer than its limit', async (t) => {
  const { daemon, probes } = await setUp(t);
  await probes.start();
  daemon.freeze();
  await until(probes, false);
  const closingAt = performance.now();
  await probes.driver.close();
  t.true(performance.now() - closingAt < 500);
  daemon.thaw();
});
