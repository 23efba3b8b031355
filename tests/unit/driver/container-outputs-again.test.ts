import test from 'ava';
import { ContainerOutputs } from '../../../src/driver/container-outputs.js';
import { DriverError } from '../../../src/driver/driver.js';

/** The daemon's answer to the n-th question; the output of nobody is known to be empty. */
function outputs(answers: (() => Promise<Buffer>)[]): ContainerOutputs {
  let asked = 0;
  return new ContainerOutputs({
    engine: { containerLogs: () => answers[asked++]!() },
    whileAvailable: (work) => work(),
    rootDir: () => null,
  });
}

const refused = (kind: 'failed' | 'unavailable') => () =>
  Promise.reject(new DriverError(kind, 'The daemon did not read it.'));
const text = Buffer.from('hello');
const frame = Buffer.concat([Buffer.from([1, 0, 0, 0, 0, 0, 0, text.length]), text]);

test('output that the daemon could not read is asked for again, once', async (t) => {
  t.like(await outputs([refused('failed'), () => Promise.resolve(frame)]).read('a', 100), {
    stdout: 'hello',
  });
  await t.throwsAsync(outputs([refused('failed'), refused('failed')]).read('a', 100));
});

test('a daemon that is away is not asked again', async (t) => {
  await t.throwsAsync(outputs([refused('unavailable')]).read('a', 100), { instanceOf: DriverError });
});
