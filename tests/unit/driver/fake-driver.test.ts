import test from 'ava';
import type { DriverHealth } from '../../../src/driver/driver.js';
import { containerSpec } from '../../helpers/container-spec.js';
import { FakeDriver } from '../../helpers/fake-driver.js';
import { temporaryDirectory } from '../../helpers/temporary-directory.js';
import { driverContract } from './driver-contract.js';

driverContract('FakeDriver', test, (t) => {
  const driver = new FakeDriver();
  return { driver, directory: temporaryDirectory(t), kill: (id) => driver.kill(id) };
});

test('FakeDriver keeps the end of what a program wrote past the console', async (t) => {
  const driver = new FakeDriver();
  t.teardown(() => driver.close());
  driver.inhabitant = {
    program: "process.stdout.write('0123456789'); process.stderr.write('err'); process.exitCode = 5;",
  };
  await driver.start(containerSpec({ id: 'a' }), new AbortController().signal);
  t.deepEqual(await driver.exitState('a', 30_000), { exitCode: 5, oomKilled: false });
  t.deepEqual(await driver.output('a', 4), { stdout: '6789', stderr: 'err' });
});

test('FakeDriver tells its listeners when its health changes', (t) => {
  const driver = new FakeDriver();
  const told: DriverHealth[] = [];
  const stop = driver.onHealth((health) => told.push(health));
  driver.setHealth({ available: false, reason: 'away' });
  stop();
  driver.setHealth({ available: true });
  t.deepEqual(told, [{ available: false, reason: 'away' }]);
});
