/** Owns what every driver must do, whatever makes its containers: run it with a way to make one that holds the real worker. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Socket } from 'node:net';
import test, { type ExecutionContext } from 'ava';
import { DriverError, type ContainerSpec, type Driver, type ExitState } from '../../../src/driver/driver.js';
import { listenInSlot } from '../../../src/instance/slot-socket.js';

export interface DriverUnderTest {
  driver: Driver;
  /** Ends a running container from outside with SIGKILL. */
  kill(instanceId: string): Promise<void>;
}

let made = 0;

/** @param name of the implementation, for the titles */
export function driverContract(name: string, create: (t: ExecutionContext) => DriverUnderTest): void {
  const run = async (t: ExecutionContext) => {
    const { driver, kill } = create(t);
    await driver.open(() => undefined);
    made += 1;
    const slotDir = mkdtempSync(join(tmpdir(), 'glambdar-slot-'));
    t.teardown(async () => {
      await driver.close();
      rmSync(slotDir, { recursive: true, force: true });
    });
    const spec: ContainerSpec = {
      instanceId: `contract${made}`,
      profile: { memoryMb: 128, cpus: 1, network: 'none' },
      slotDir,
      uid: 200_000 + made,
      cpuSecondsLimit: 60,
    };
    const { signal } = new AbortController();
    const start = async (): Promise<Socket> => {
      const slot = listenInSlot(slotDir);
      const [socket] = await Promise.all([slot.accept(signal), driver.start(spec, signal)]);
      t.teardown(() => socket.destroy());
      return socket;
    };
    return { driver, kill, spec, id: spec.instanceId, start, signal };
  };

  test(`${name} starts a worker that connects, and removes it`, async (t) => {
    const { driver, id, start } = await run(t);
    const socket = await start();
    const closed = new Promise((resolve) => socket.resume().once('close', resolve));
    t.is(await driver.exitState(id, 0), undefined, 'it runs');
    await driver.remove(id);
    await closed;
    await t.notThrowsAsync(driver.remove(id), 'again');
    await t.notThrowsAsync(driver.remove('never0there'), 'what is not there');
  });

  test(`${name} tells how a container ended, to who listens and to who asks`, async (t) => {
    const { driver, kill, id, start } = await run(t);
    await start();
    const exits: ExitState[] = [];
    const notWanted: ExitState[] = [];
    const told = new Promise<void>((resolve) => {
      driver.onExit(id, (exit) => {
        exits.push(exit);
        resolve();
      });
    });
    driver.onExit(id, (exit) => notWanted.push(exit))();
    const [asked] = await Promise.all([driver.exitState(id, 30_000), kill(id), told]);
    t.deepEqual(asked, { exitCode: 137, oomKilled: false });
    t.deepEqual(exits, [{ exitCode: 137, oomKilled: false }]);
    t.deepEqual(notWanted, []);
    t.deepEqual(await driver.exitState(id, 0), asked, 'still known');
    await driver.remove(id);
  });

  test(`${name} starts nothing when its signal has aborted`, async (t) => {
    const { driver, spec, id } = await run(t);
    await t.throwsAsync(driver.start(spec, AbortSignal.abort(new Error('gone'))));
    t.is(await driver.exitState(id, 0), undefined);
  });

  test(`${name} refuses a second container of the same name`, async (t) => {
    const { driver, spec, id, start, signal } = await run(t);
    await start();
    await t.throwsAsync(driver.start(spec, signal), { instanceOf: DriverError });
    t.is(await driver.exitState(id, 0), undefined, 'the first is untouched');
  });

  test(`${name} knows no output and no end of what is not there`, async (t) => {
    const { driver } = await run(t);
    t.is(await driver.exitState('never0there', 0), undefined);
    t.deepEqual(await driver.output('never0there', 100).catch(() => ({ stdout: '', stderr: '' })), {
      stdout: '',
      stderr: '',
    });
    t.deepEqual(driver.health(), { available: true });
  });

  test(`${name} measures who runs, and nobody else`, async (t) => {
    const { driver, spec, id, start } = await run(t);
    await start();
    const usage = await driver.memoryOf([
      { instanceId: id, uid: spec.uid },
      { instanceId: 'never0there', uid: 199_999 },
    ]);
    t.deepEqual([...usage.keys()], [id]);
    t.true((usage.get(id)?.memoryBytes ?? 0) > 1_000_000);
    await driver.remove(id, { urgent: true });
    t.is((await driver.memoryOf([{ instanceId: id, uid: spec.uid }])).size, 0);
  });

  test(`${name} removes what is left when it closes, and closes twice`, async (t) => {
    const { driver, start } = await run(t);
    const socket = await start();
    const closed = new Promise((resolve) => socket.resume().once('close', resolve));
    await driver.close();
    await closed;
    await t.notThrowsAsync(driver.close());
  });
}
