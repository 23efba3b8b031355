import test from 'ava';
import { profileKey } from '../../../../src/model/function/profile.js';
import { Demands } from '../../../../src/pool/demand/demands.js';
import { decide } from '../../../../src/pool/decide/decide.js';
import type { InstanceView } from '../../../../src/pool/decide/snapshot.js';
import { view } from '../../../helpers/instance-view.js';
import { profile, workload } from '../../../helpers/pool-fixture.js';
import { requestView, snapshotOf, type SnapshotFields } from '../../../helpers/pool-snapshot.js';

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
    cores: 2,
    bytesOf: () => 1,
  });
}

const standby = (idleMs: number, fields: Partial<InstanceView> = {}): InstanceView =>
  view('standby', { profileKey: standard, since: NOW - idleMs, ...fields });
const loaded = (idleMs: number, fields: Partial<InstanceView> = {}): InstanceView =>
  view('idle', { profileKey: standard, codeKey: 'a', since: NOW - idleMs, ...fields });
/** What is stopped because nobody wants it, in order. */
function surplus(instances: InstanceView[], demands: Demands, fields: SnapshotFields = {}): InstanceView[] {
  const actions = decide(
    snapshotOf(demands, NOW, {
      instances,
      surplusMs: SURPLUS,
      keepAliveMs: KEEP_ALIVE,
      mayRefill: false,
      ...fields,
    }),
  );
  return actions.flatMap((action) =>
    action.kind === 'stop' ? instances.filter(({ id }) => id === action.instance) : [],
  );
}

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
  demands.of('a')!.loading.failed(NOW);
  t.deepEqual(surplus([loaded(1e8), loaded(1e8)], demands), []);
});

test('one loaded for a version that is being deployed is kept for a minute', (t) => {
  const [checked, forgotten] = [loaded(59_999, { codeKey: 'next' }), loaded(60_000, { codeKey: 'next' })];
  t.deepEqual(surplus([checked, forgotten], demandsWith()), [forgotten]);
});

test('those that were called go when they were idle for their time, and at once when they may not be used again', (t) => {
  const demands = demandsWith();
  const called = loaded(KEEP_ALIVE - 1, { calls: 3 });
  demands.activate(workload({ reuse: true }), NOW);
  t.deepEqual(surplus([called], demands), []);
  const expired = loaded(KEEP_ALIVE, { calls: 3 });
  t.deepEqual(surplus([called, expired], demands), [expired]);
  demands.activate(workload({ reuse: false }), NOW);
  t.deepEqual(surplus([called], demands), [called]);
});

test('those of code that is no function’s any more go at once, unless a request waits for them', (t) => {
  const demands = demandsWith();
  const [old, young] = [loaded(2, { codeKey: 'old' }), loaded(1, { codeKey: 'old', calls: 1 })];
  const retired = new Set(['old']);
  t.deepEqual(surplus([young, old], demands, { retired }), [old, young]);
  const requests = [requestView(1, { codeKey: 'old', profileKey: standard })];
  t.deepEqual(surplus([old], demands, { retired, requests }), []);
});

test('called ones of code that no function has go at once: their call was admitted before its version was replaced', (t) => {
  const called = loaded(0, { calls: 1, codeKey: 'old' });
  t.deepEqual(surplus([called], demandsWith()), [called]);
});

test('those of another profile than their function has now go at once', (t) => {
  const demands = demandsWith();
  demands.activate(workload({ cpuSeconds: 455 }), NOW);
  const all = [loaded(2), loaded(1, { calls: 1 })];
  t.deepEqual(surplus(all, demands), all);
});

test('those that compute without a call go', (t) => {
  const demands = demandsWith();
  demands.activate(workload(), NOW);
  const [still, restless] = [loaded(1), loaded(1)];
  demands.activate(workload({ standby: 2 }), NOW);
  t.deepEqual(surplus([still, restless], demands, { restless: new Set([restless.id]) }), [restless]);
});

test('what is on its way or in use is never surplus', (t) => {
  const demands = demandsWith(0);
  const all = (['starting', 'loading', 'busy', 'stopping'] as const).map((state) =>
    view(state, { profileKey: standard, codeKey: 'a', since: 0 }),
  );
  t.deepEqual(surplus(all, demands), []);
});
