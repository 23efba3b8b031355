/** Owns what every driver must do, whatever makes its containers: most tests run the real worker in one. */
import { mkdirSync, readFileSync, chmodSync, mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import type { Socket } from 'node:net';
import type { ExecutionContext } from 'ava';
import { DriverError, type ContainerSpec, type Driver, type ExitState } from '../../../src/driver/driver.js';
import { listenInSlot } from '../../../src/instance/slot-socket.js';
import { workerContainer } from '../../../src/instance/worker-container.js';
import { InstalledRuntime } from '../../../src/runtimes/installed-runtime.js';
import { node } from '../../../src/runtimes/node.js';
import { containerSpec } from '../../helpers/container-spec.js';

export interface DriverUnderTest {
  /** Not open yet. */
  driver: Driver;
  /** Where sources of mounts may be. */
  directory: string;
  /** Ends a running container from outside with SIGKILL. */
  kill(id: string): Promise<void>;
}

/** AVA's `test`, or `integration`. */
type DeclareTest = (title: string, implementation: (t: ExecutionContext) => Promise<void>) => void;

let made = 0;

/** @param name of the implementation, for the titles */
export function driverContract(
  name: string,
  test: DeclareTest,
  create: (t: ExecutionContext) => DriverUnderTest,
): void {
  const run = async (t: ExecutionContext) => {
    const { driver, directory, kill } = create(t);
    t.teardown(() => driver.close());
    await driver.open();
    await driver.prepareImage(node.image, (line) => t.log(line));
    made += 1;
    const slotDir = mkdtempSync(join(directory, 'slot-'));
    chmodSync(slotDir, 0o711);
    const runtime = new InstalledRuntime(node, join(directory, 'worker'));
    runtime.repair();
    const spec = workerContainer({
      id: `contract${process.pid}${made}`,
      runtime,
      profile: { runtime: 'node', memoryMb: 128, cpus: 1, network: 'none', cpuSeconds: 60 },
      slotDir,
      uid: 200_000 + made,
    });
    const { signal } = new AbortController();
    const start = async (): Promise<Socket> => {
      const slot = listenInSlot(slotDir);
      const [socket] = await Promise.all([slot.accept(signal), driver.start(spec, signal)]);
      t.teardown(() => socket.destroy());
      return socket;
    };
    return { driver, kill, spec, id: spec.id, start, signal, directory };
  };

  /** A container without a worker that runs this source, and what came of it. */
  const runOnce = async (t: ExecutionContext, source: string, given: Partial<ContainerSpec> = {}) => {
    const { driver, signal, spec, directory } = await run(t);
    const { id, user } = spec;
    const once = containerSpec({ id, user, command: ['node', '-e', source], ...given });
    await driver.start(once, signal);
    const exit = await driver.exitState(id, 30_000);
    const output = await driver.output(id, 1_000);
    return { driver, id, exit, output, directory };
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

  test(`${name} tells how a container ended to who listened before its start`, async (t) => {
    const { driver, id, spec, signal } = await run(t);
    const notWanted: ExitState[] = [];
    const told = new Promise<ExitState>((resolve) => driver.onExit(id, resolve));
    driver.onExit(id, (exit) => notWanted.push(exit))();
    await driver.start(
      containerSpec({ id, user: spec.user, command: ['node', '-e', 'process.exit(7)'] }),
      signal,
    );
    t.deepEqual(await told, { exitCode: 7, oomKilled: false });
    t.deepEqual(notWanted, []);
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
    const usage = await driver.usage([
      { id, uid: spec.user.uid },
      { id: 'never0there', uid: 199_999 },
    ]);
    t.deepEqual([...usage.keys()], [id]);
    t.true((usage.get(id)?.memoryBytes ?? 0) > 1_000_000);
    await driver.remove(id, { urgent: true });
    t.is((await driver.usage([{ id, uid: spec.user.uid }])).size, 0);
  });

  test(`${name} removes what is left when it closes, and closes twice`, async (t) => {
    const { driver, start } = await run(t);
    const socket = await start();
    const closed = new Promise((resolve) => socket.resume().once('close', resolve));
    await driver.close();
    await closed;
    await t.notThrowsAsync(driver.close());
  });

  test(`${name} runs a container that ends by itself, and removes it with its output`, async (t) => {
    const { driver, id, exit, output } = await runOnce(t, "console.log('out'); console.error('err')");
    t.deepEqual(exit, { exitCode: 0, oomKilled: false });
    t.deepEqual(output, { stdout: 'out\n', stderr: 'err\n' });
    t.deepEqual(await driver.remove(id, { outputBytes: 2 }), { stdout: 't\n', stderr: 'r\n' });
    t.is(await driver.exitState(id, 0), undefined, 'it is gone');
  });

  test(`${name} tells the exit code of a container that fails, also to who listens later`, async (t) => {
    const { driver, id, exit } = await runOnce(t, 'process.exit(42)');
    t.deepEqual(exit, { exitCode: 42, oomKilled: false });
    t.deepEqual(await new Promise((resolve) => driver.onExit(id, resolve)), exit);
  });

  test(`${name} gives a container its environment and working directory`, async (t) => {
    const source = "console.log(process.env.GIVEN, require('path').basename(process.cwd()))";
    const given = { env: { GIVEN: 'a value=with spaces' }, workingDir: '/tmp' };
    const { output } = await runOnce(t, source, given);
    t.deepEqual(output, { stdout: 'a value=with spaces tmp\n', stderr: '' });
  });

  test(`${name} lets a container join the network of one that runs, and reach its loopback`, async (t) => {
    const { driver, spec, id, signal } = await run(t);
    const port = 20_000 + ((process.pid + made) % 20_000);
    const serve = `require('http').createServer((_, res) => res.end('hello')).listen(${port}, '127.0.0.1')`;
    const ask = `
      const http = require('http');
      const ask = () => http.get('http://127.0.0.1:${port}', (res) => res.pipe(process.stdout)).on('error', () => setTimeout(ask, 20));
      ask();`;
    const server = containerSpec({ id, user: spec.user, command: ['node', '-e', serve] });
    await driver.start(server, signal);
    const guest = containerSpec({
      id: `${id}guest`,
      user: { uid: 250_000 + made, gid: 250_000 + made },
      command: ['node', '-e', ask],
      network: { joins: id, kind: 'none' },
    });
    await driver.start(guest, signal);
    t.like(await driver.exitState(guest.id, 30_000), { exitCode: 0 });
    t.is((await driver.remove(guest.id, { outputBytes: 100 })).stdout, 'hello');
    t.is(await driver.exitState(id, 0), undefined, 'the other one still runs');
  });

  test(`${name} starts no container that is to join the network of one that does not run`, async (t) => {
    const { driver, kill, spec, id, signal } = await run(t);
    const guest = (joins: string): ContainerSpec =>
      containerSpec({ id: `${id}guest`, user: spec.user, network: { joins, kind: 'none' } });
    await t.throwsAsync(driver.start(guest('never0there'), signal), { instanceOf: DriverError });
    await driver.start(containerSpec({ id, command: ['node', '-e', 'setInterval(() => {}, 1e6)'] }), signal);
    await kill(id);
    await driver.exitState(id, 30_000);
    await t.throwsAsync(driver.start(guest(id), signal), { instanceOf: DriverError });
  });

  test(`${name} mounts a directory that the container may write`, async (t) => {
    const { driver, spec, id, signal, directory } = await run(t);
    const source = join(directory, `out-${id}`);
    mkdirSync(source);
    chmodSync(source, 0o777);
    const write = "require('fs').writeFileSync(process.argv[1], 'written', { mode: 0o666 })";
    const command = ['node', '-e', write, '/out/file'];
    const mounts = [{ source, target: '/out', readOnly: false }];
    await driver.start(containerSpec({ id, user: spec.user, command, mounts }), signal);
    t.like(await driver.exitState(id, 30_000), { exitCode: 0 });
    t.is(readFileSync(join(source, 'file'), 'utf8'), 'written');
  });
}
