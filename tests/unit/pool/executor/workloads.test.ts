import test from 'ava';
import { DEFAULT_SETTINGS } from '../../../../src/model/function/settings.js';
import { profileOf } from '../../../../src/pool/executor/function-profile.js';
import { codeKeyOf, createWorkloads } from '../../../../src/pool/executor/workloads.js';
import { record, version } from '../../store/builders.js';

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

test('a workload has the secrets of its function in its load message, and another key for every revision of them', (t) => {
  let revision = 0;
  const secrets = { valuesOf: () => ({ A: `${revision}`, B: 'secret' }), revisionOf: () => revision };
  const nothing = { copy: () => Promise.resolve(), verify: () => Promise.resolve() };
  const workloadOf = createWorkloads(nothing, secrets);
  const deployed = record('f', 1, { settings: { ...DEFAULT_SETTINGS, env: { B: 'env', C: 'env' } } });
  const first = workloadOf(deployed);
  t.deepEqual(first.code.load.env, { A: '0', B: 'secret', C: 'env' });
  t.is(workloadOf(deployed), first);
  revision = 1;
  const second = workloadOf(deployed);
  t.is(second.code.load.env['A'], '1');
  t.is(second.flow, first.flow);
  const keys = [first.code.key, second.code.key, workloadOf(record('f', 2)).code.key];
  t.is(new Set(keys).size, 3);
  t.deepEqual(keys.slice(0, 2), [codeKeyOf(deployed.active, 0), codeKeyOf(deployed.active, 1)]);
});

test('the key of an image does not depend on secrets, which it is not given', (t) => {
  const source = { type: 'image' as const, image: 'x', digest: 'sha256:00', ports: [] };
  const image = { ...version('f'), source };
  t.is(codeKeyOf(image, 3), codeKeyOf(image, 0));
});
