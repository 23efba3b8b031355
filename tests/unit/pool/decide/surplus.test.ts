import test from 'ava';
import { profileKey } from '../../../../src/model/profile.js';
import { Demands } from '../../../../src/pool/decide/demands.js';
import { surplusOf } from '../../../../src/pool/decide/surplus.js';
import type { InstanceView } from '../../../../src/pool/decide/scheduler.js';
import { view } from '../../../helpers/instance-view.js';
import { profile, workload } from '../../../helpers/pool-fixture.js';

const NOW = 1e9;
const SURPLUS = 30_000;
const KEEP_ALIVE = 600_000;
const standard = profileKey(profile);

function demandsWith(minStandby = 1): Demands {
  return new Demands({
    defaultProfile: profile,
    minStandby,
    keepAliveMs: KEEP_ALIVE,
    most: 16,
    bytesOf: () => 1,
  });
}

const standby = (idleMs: number, fields: Partial<InstanceView> = {}): InstanceView =>
  view('standby', { profileKey: standard, since: NOW - idleMs, ...fields });
const loaded = (idleMs: number, fields: Partial<InstanceView> = {}): InstanceView =>
  view('idle', { profileKey: standard, codeKey: 'a', since: NOW - idleMs, ...fields });
const surplus = (instances: InstanceView[], demands: Demands): InstanceView[] =>
  surplusOf(instances, demands, NOW, SURPLUS);

test('standbys beyond those wanted go after their time, the oldest first', (t) => {
  const [young, older, oldest] = [standby(1_000), standby(40_000), standby(50_000)];
  t.deepEqual(surplus([young, older, oldest], demandsWith()), [oldest, older]);
  t.deepEqual(surplus([young, standby(29_999)], demandsWith()), []);
});

test('standbys that are wanted stay, however old', (t) => {
  t.deepEqual(surplus([standby(1e8), standby(1e8)], demandsWith(2)), []);
});

test('all standbys of a profile that nobody uses go after their time', (t) => {
  const others = [1, 2, 3].map(() => standby(40_000, { profileKey: 'unused' }));
  t.deepEqual(surplus([...others, standby(1_000, { profileKey: 'unused' })], demandsWith()), others);
});

test('loaded ones beyond those wanted go after their time', (t) => {
  const demands = demandsWith();
  demands.activate(workload(), NOW);
  const [a, b, c] = [loaded(50_000), loaded(40_000), loaded(1_000)];
  t.deepEqual(surplus([c, b, a], demands), [a, b]);
  t.deepEqual(surplus([loaded(1e8)], demands), []);
});

test('loaded ones of a function that is not used any more go at once', (t) => {
  const demands = demandsWith();
  demands.activate(workload(), NOW - KEEP_ALIVE);
  const all = [loaded(2), loaded(1)];
  t.deepEqual(surplus(all, demands), all);
});

test('where a number was asked for all beyond it go at once', (t) => {
  const demands = demandsWith();
  demands.activate(workload({ standby: 1 }), NOW);
  const [first, second] = [loaded(2), loaded(1)];
  t.deepEqual(surplus([first, second], demands), [first]);
  demands.activate(workload({ standby: 0 }), NOW);
  t.deepEqual(surplus([first, second], demands), [first, second]);
});

test('those of a function whose loading ahead rests stay', (t) => {
  const demands = demandsWith();
  demands.activate(workload({ standby: 2 }), NOW);
  demands.of('a')!.failed(NOW);
  t.deepEqual(surplus([loaded(1e8), loaded(1e8)], demands), []);
});

test('one loaded for a version that is being deployed is kept for a minute', (t) => {
  const [checked, forgotten] = [loaded(59_999, { codeKey: 'next' }), loaded(60_000, { codeKey: 'next' })];
  t.deepEqual(surplus([checked, forgotten], demandsWith()), [forgotten]);
});

test('those that were called go by their own time, and at once when they may not be used again', (t) => {
  const demands = demandsWith();
  const called = loaded(1e8, { calls: 3 });
  demands.activate(workload({ reuse: true }), NOW);
  t.deepEqual(surplus([called], demands), []);
  demands.activate(workload({ reuse: false }), NOW);
  t.deepEqual(surplus([called], demands), [called]);
  t.deepEqual(surplus([loaded(1e8, { calls: 1, codeKey: 'old' })], demands), []);
});

test('what is on its way or in use is never surplus', (t) => {
  const demands = demandsWith(0);
  const all = (['starting', 'loading', 'busy', 'stopping'] as const).map((state) =>
    view(state, { profileKey: standard, codeKey: 'a', since: 0 }),
  );
  t.deepEqual(surplus(all, demands), []);
});
