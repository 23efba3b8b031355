import test from 'ava';
import { DEFAULT_SETTINGS } from '../../../../src/model/function/settings.js';
import { profileOf } from '../../../../src/pool/executor/function-profile.js';

const cpuSeconds = (timeoutMs: number, fields: Partial<typeof DEFAULT_SETTINGS> = {}): number =>
  profileOf({ ...DEFAULT_SETTINGS, timeoutMs, ...fields }, 'node').cpuSeconds;

test('a container gets CPU time for the longest call of its class, and not for the longest of all', (t) => {
  t.is(DEFAULT_SETTINGS.cpus, 0.5);
  t.deepEqual(
    [100, 30_000].map((ms) => cpuSeconds(ms)),
    [20, 20],
  );
  t.deepEqual(
    [30_001, 120_000].map((ms) => cpuSeconds(ms)),
    [65, 65],
  );
  t.deepEqual(
    [120_001, 900_000].map((ms) => cpuSeconds(ms)),
    [455, 455],
  );
  t.is(cpuSeconds(30_000, { cpus: 2 }), 65);
});

test('a container that is reused gets the most there is', (t) => {
  t.is(cpuSeconds(100, { isolation: 'function' }), 455);
});
