/** Owns a Docker driver on a fake daemon, with intervals short enough to test without waiting. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ExecutionContext } from 'ava';
import { createDockerDriver, type DockerDriverOptions } from '../../src/driver/docker/docker-driver.js';
import type { ContainerSpec, Driver, DriverHealth } from '../../src/driver/driver.js';
import { createLogger } from '../../src/logger.js';
import { FakeEngine } from './fake-engine.js';

/** A driver and the fake daemon under it. */
export interface Parts {
  engine: FakeEngine;
  driver: Driver;
  spec: (instanceId: string) => ContainerSpec;
}

export interface OpenOnFakeOptions extends Partial<DockerDriverOptions> {
  open?: boolean;
  pingLimitMs?: number;
  graceMs?: number;
}

/** Open unless told otherwise; both are closed with the test. */
export async function openOnFake(
  t: ExecutionContext,
  { open = true, pingLimitMs = 5_000, graceMs = 0, ...options }: OpenOnFakeOptions = {},
): Promise<Parts> {
  const engine = await FakeEngine.start();
  const runRoot = join(engine.directory, 'run');
  const workerDir = join(engine.directory, 'worker');
  mkdirSync(workerDir);
  writeFileSync(join(workerDir, 'main.cjs'), '');
  const driver = createDockerDriver({
    dockerHost: engine.host,
    image: 'some/image',
    runtime: null,
    dirId: 'dir',
    bootId: 'boot',
    workerDir,
    runRoot,
    cgroupRoot: join(engine.directory, 'cgroup'),
    logger: createLogger('silent'),
    ...options,
    times: { pingIntervalMs: 10, pingLimitMs, reapIntervalMs: 20, closeLimitMs: 200, graceMs },
  });
  t.teardown(async () => {
    await driver.close();
    await engine.close();
  });
  if (open) await driver.open(() => undefined);
  const spec = (instanceId: string): ContainerSpec => {
    const slotDir = join(runRoot, instanceId);
    mkdirSync(slotDir, { recursive: true });
    return {
      instanceId,
      slotDir,
      uid: 1,
      cpuSecondsLimit: 1,
      profile: { memoryMb: 64, cpus: 1, network: 'none' },
    };
  };
  return { engine, driver, spec };
}

/** Waits for what the fake daemon saw; AVA's own limit ends it. Serial tests, because a ping's limit measures our own loop too. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await sleep(2);
}

/** The next change to the wanted state. */
export function changed(driver: Driver, available: boolean): Promise<DriverHealth> {
  return new Promise((resolve) => {
    const stop = driver.onHealth((health) => {
      if (health.available !== available) return;
      stop();
      resolve(health);
    });
  });
}
