/** Owns a Docker driver on a fake daemon, with intervals short enough to test without waiting. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ExecutionContext } from 'ava';
import { createDockerDriver, type DockerDriverOptions } from '../../src/driver/docker/docker-driver.js';
import type { ContainerSpec, Driver, DriverHealth } from '../../src/driver/driver.js';
import { createLogger } from '../../src/logger.js';
import { containerSpec } from './container-spec.js';
import { FakeEngine } from './fake-engine.js';

/** A driver and the fake daemon under it. */
export interface Parts {
  engine: FakeEngine;
  driver: Driver;
  /** A container with one mount, in the image that `openDriver` prepares. */
  spec: (id: string) => ContainerSpec;
}

const image = { type: 'reference', reference: 'some/image' } as const;

/** Opens the driver and prepares the image of `Parts.spec`. */
export async function openDriver(driver: Driver): Promise<void> {
  await driver.open();
  await driver.prepareImage(image, () => undefined);
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
  const driver = createDockerDriver({
    dockerHost: engine.host,
    ociRuntime: null,
    dirId: 'dir',
    bootId: 'boot',
    runRoot,
    filesDir: join(runRoot, 'files'),
    cgroupRoot: join(engine.directory, 'cgroup'),
    logger: createLogger('silent'),
    ...options,
    times: { pingIntervalMs: 10, pingLimitMs, reapIntervalMs: 20, closeLimitMs: 200, graceMs },
  });
  t.teardown(async () => {
    await driver.close();
    await engine.close();
  });
  if (open) await openDriver(driver);
  const spec = (id: string): ContainerSpec => {
    const source = join(runRoot, id);
    mkdirSync(source, { recursive: true });
    const mounts = [{ source, target: '/slot', readOnly: true }];
    return containerSpec({ id, image, mounts, user: { uid: 1, gid: 1 } });
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
