import test from 'ava';
import { profileKey } from '../../../../src/model/function/profile.js';
import { Demands, type DemandsOptions } from '../../../../src/pool/demand/demands.js';
import { rankIdle } from '../../../../src/pool/decide/rank.js';
import type { FunctionView } from '../../../../src/pool/decide/snapshot.js';
import { view } from '../../../helpers/instance-view.js';
import { profile, workload } from '../../../helpers/pool-fixture.js';
import { snapshotOf } from '../../../helpers/pool-snapshot.js';

const MIB = 1024 * 1024;
const KEEP_ALIVE = 600_000;
const NOW = 1e9;
const never = (): number => 0;
const standard = profileKey(profile);
const large = profileKey({ ...profile, memoryMb: 512 });

function demandsWith(options: Partial<DemandsOptions> = {}): Demands {
  return new Demands({
    defaultProfile: profile,
    minStandby: 2,
    keepAliveMs: KEEP_ALIVE,
    most: 16,
    cores: 2,
    bytesOf: () => 20 * MIB,
    ...options,
  });
}

/** The functions that want instances made ready. */
function wants(demands: Demands, now: number, turnOf: (flow: string) => number = never): FunctionView[] {
  return demands.functions(now, turnOf).filter(({ target }) => target > 0);
}

/** Calls of a function every `everyMs`; returns when the last came. */
function calls(demands: Demands, key: string, count: number, everyMs: number, from = NOW): number {
  for (let n = 1; n <= count; n += 1) demands.arrived(workload({ key }), from + n * everyMs);
  return from + count * everyMs;
}

test('of nobody nothing is wanted but standbys of the default profile', (t) => {
  const demands = demandsWith();
  t.deepEqual(wants(demands, NOW), []);
  t.deepEqual(demands.standbys(NOW), [{ profileKey: standard, target: 2, reserve: 1, bytes: 20 * MIB }]);
  t.deepEqual(demands.profile(standard), profile);
});

test('a function in use wants one ready, as its code and profile say', (t) => {
  const demands = demandsWith({ bytesOf: (key) => (key === 'a' ? 7 : 9) });
  demands.activate(workload({ key: 'a', memoryMb: 512, reuse: true }), NOW);
  const [want, ...others] = wants(demands, NOW, (flow) => Number(flow === 'a'));
  t.like(want, { codeKey: 'a', profileKey: large, reuse: true, target: 1, turn: 1, bytes: 7 });
  t.deepEqual(others, []);
  t.is(demands.profile(large).memoryMb, 512);
  t.deepEqual(wants(demands, NOW + KEEP_ALIVE), [], 'and none when it is not used any more');
});

test('one that was last used long ago wants nothing until it is called', (t) => {
  const demands = demandsWith();
  demands.activate(workload(), NOW - KEEP_ALIVE);
  demands.activate(workload({ key: 'b' }), -Infinity);
  t.deepEqual(wants(demands, NOW), []);
  demands.arrived(workload({ key: 'b' }), NOW);
  t.deepEqual(
    wants(demands, NOW).map(({ codeKey }) => codeKey),
    ['b'],
  );
});

test('a new version takes the place of the old one and knows its calls', (t) => {
  const demands = demandsWith();
  demands.activate(workload({ key: 'a' }), NOW);
  const at = calls(demands, 'a', 20, 5);
  const next = { ...workload({ key: 'a2' }), flow: 'a' };
  demands.activate(next, at);
  t.is(demands.of('a'), undefined);
  t.is(demands.of('a2')?.workload, next);
  const wanted = wants(demands, at);
  t.deepEqual(
    wanted.map(({ codeKey }) => codeKey),
    ['a2'],
  );
  t.true(wanted[0]!.target > 10, 'the burst is remembered');
  demands.retire('a');
  t.is(demands.of('a2')?.workload, next, 'retiring the old one later leaves the new one');
});

test('a function that is deleted wants nothing, and a new one of its name knows nothing', (t) => {
  const demands = demandsWith();
  demands.activate(workload({ key: 'a' }), NOW);
  const at = calls(demands, 'a', 20, 5);
  demands.retire('a');
  t.deepEqual(wants(demands, at), []);
  demands.arrived(workload({ key: 'a' }), at);
  t.deepEqual(wants(demands, at), [], 'calls still under way do not bring it back');
  demands.activate(workload({ key: 'a' }), at);
  t.is(wants(demands, at)[0]!.target, 1);
});

test('each profile in use has a standby, and the default one its number', (t) => {
  const demands = demandsWith();
  demands.activate(workload({ key: 'a' }), NOW);
  demands.activate(workload({ key: 'b', memoryMb: 512 }), NOW);
  demands.activate(workload({ key: 'c', memoryMb: 512 }), NOW);
  demands.activate(workload({ key: 'old', memoryMb: 1024 }), NOW - KEEP_ALIVE);
  t.deepEqual(
    demands.standbys(NOW).map(({ profileKey: key, target, reserve }) => [key, target, reserve]),
    [
      [standard, 2, 1],
      [large, 1, 1],
    ],
  );
  t.is(demands.standbys(NOW + KEEP_ALIVE).length, 1, 'those in use no more have none');
});

test('calls that found nothing loaded want more standbys of their profile', (t) => {
  const demands = demandsWith();
  demands.activate(workload({ key: 'b', memoryMb: 512 }), NOW);
  for (let n = 0; n < 3_000; n += 1) demands.missed(large, NOW + 50 * n);
  const at = NOW + 150_000;
  const [usual, more] = demands.standbys(at);
  t.is(usual!.target, 2);
  t.true(more!.target > 5, `${more!.target}`);
  t.is(more!.reserve, 1, 'which may be loaded ahead');
  t.is(demands.standbys(at + 440_000)[1]!.target, 1, 'for some minutes');
});

test('without standbys there are none, whatever is called', (t) => {
  const demands = demandsWith({ minStandby: 0 });
  demands.activate(workload({ key: 'b', memoryMb: 512 }), NOW);
  for (let n = 0; n < 1_000; n += 1) for (const key of [standard, large]) demands.missed(key, NOW + n);
  t.deepEqual(
    demands.standbys(NOW + 1_000).map(({ target }) => target),
    [0, 0],
  );
});

test('a number that was asked for is wanted though the function is not used, and nothing for none', (t) => {
  const demands = demandsWith();
  demands.activate(workload({ key: 'a', standby: 3 }), -Infinity);
  demands.activate(workload({ key: 'b', standby: 0 }), NOW);
  t.deepEqual(
    wants(demands, NOW).map(({ codeKey, target }) => [codeKey, target]),
    [['a', 3]],
  );
});

test('what rests after failures is not wanted, and still has its limit', (t) => {
  const demands = demandsWith();
  demands.activate(workload(), NOW);
  const demand = demands.of('a')!;
  demand.loading.failed(NOW);
  t.deepEqual(wants(demands, NOW), []);
  t.is(demands.functions(NOW, never)[0]!.wanted, 1);
  demands.forgive();
  t.is(wants(demands, NOW).length, 1);
});

test('how long a start takes is learnt', (t) => {
  const demands = demandsWith();
  const first = demands.readyMs;
  demands.startTook(first + 100);
  t.is(demands.readyMs, first + 20);
});

test('the function called more often is worth more, and its next one less than the one before', (t) => {
  const demands = demandsWith();
  demands.activate(workload({ key: 'often' }), NOW);
  demands.activate(workload({ key: 'seldom' }), NOW);
  calls(demands, 'often', 100, 100);
  const at = calls(demands, 'seldom', 2, 5_000);
  const [often, seldom] = wants(demands, at);
  t.true(often!.worth(1) > seldom!.worth(1));
  t.true(often!.worth(2) < often!.worth(1));
  t.true(seldom!.worth(2) < seldom!.worth(1));
});

test('a small one is worth more than a large one', (t) => {
  const demands = demandsWith({ bytesOf: (key) => (key === 'small' ? 10 * MIB : 100 * MIB) });
  for (const key of ['small', 'large']) {
    demands.activate(workload({ key }), NOW);
    calls(demands, key, 10, 1_000);
  }
  const [small, big] = wants(demands, NOW + 10_000);
  t.true(small!.worth(1) > big!.worth(1));
});

test('an idle one is worth what the last of those like it is, and nothing when nobody will ask for it', (t) => {
  const demands = demandsWith();
  demands.activate(workload({ key: 'a' }), NOW);
  const at = calls(demands, 'a', 100, 100);
  const idle = [view('idle', { codeKey: 'a' }), view('idle', { codeKey: 'a' })];
  const gone = view('idle', { codeKey: 'gone' });
  const [want] = wants(demands, at);
  const worths = (some: typeof idle): number[] =>
    rankIdle(some, snapshotOf(demands, at)).map(({ worth }) => worth);
  t.deepEqual(worths(idle), [want!.worth(2), want!.worth(1)]);
  t.deepEqual(worths([gone]), [0]);
});

test('a standby is worth something, and more where calls find nothing loaded', (t) => {
  const demands = demandsWith();
  const before = demands.standbyWorth(standard, NOW);
  t.true(before > 0);
  for (let n = 0; n < 100; n += 1) demands.missed(standard, NOW + n);
  t.true(demands.standbyWorth(standard, NOW + 100) > before);
});

test('what is used after others went is worth more', (t) => {
  const demands = demandsWith();
  demands.activate(workload({ key: 'a' }), NOW);
  demands.activate(workload({ key: 'b' }), NOW);
  demands.evicted(1_000);
  demands.arrived(workload({ key: 'b' }), NOW);
  const [a, b] = wants(demands, NOW);
  t.true(b!.worth(1) - a!.worth(1) >= 1_000);
});

test('a function that only was deployed keeps one for a moment, and has none made', (t) => {
  const demands = demandsWith();
  demands.activate(workload({ key: 'a' }), -Infinity, NOW);
  const [fresh] = demands.functions(NOW + 119_999, never);
  t.like(fresh, { target: 0, wanted: 1, inUse: true, uncalled: true, exact: false });
  const [old] = demands.functions(NOW + 120_000, never);
  t.like(old, { target: 0, wanted: 0, inUse: false, uncalled: true, exact: true });
  demands.arrived(workload({ key: 'a' }), NOW + 1_000);
  t.like(demands.functions(NOW + 120_000, never)[0], { target: 1, wanted: 1, inUse: true, uncalled: false });
});

test('short calls of reused instances run at once as the cores allow, longer ones without a limit', (t) => {
  const demands = demandsWith();
  for (const key of ['brief', 'short', 'long', 'fresh'])
    demands.activate(workload({ key, reuse: key !== 'fresh' }), NOW);
  t.is(demands.atOnce('short').calls, Infinity, 'nothing is known yet');
  demands.of('brief')!.wasAway(0.9);
  demands.of('short')!.wasAway(1.1);
  demands.of('long')!.wasAway(50);
  demands.of('fresh')!.wasAway(0.5);
  t.deepEqual(
    ['brief', 'short', 'long', 'fresh', 'unknown'].map((key) => demands.atOnce(key).calls),
    [2, 8, Infinity, Infinity, Infinity],
  );
  t.is(demands.atOnce('brief').instances, 4, 'one more for each core, while a brief call is slow for once');
});

test('several functions are being called when two were within the last seconds', (t) => {
  const demands = demandsWith();
  for (const key of ['a', 'b', 'c']) demands.activate(workload({ key }), NOW);
  t.false(demands.severalCalled(NOW), 'nobody is called');
  const last = calls(demands, 'a', 10, 100);
  t.false(demands.severalCalled(last), 'one is called');
  demands.arrived(workload({ key: 'b' }), last);
  t.true(demands.severalCalled(last + 4_999));
  t.false(demands.severalCalled(last + 5_000), 'nobody is called any more');
});

test('of reused instances no more are made ready than may run at once, unless the setting `standby` asks for them', (t) => {
  const demands = demandsWith();
  const targets = (options: Parameters<typeof workload>[0]): number[] => {
    demands.activate(workload({ key: 'a', ...options }), NOW);
    for (let n = 0; n < 14; n += 1) demands.arrived(workload({ key: 'a' }), NOW);
    demands.of('a')!.wasAway(2);
    return wants(demands, NOW).map(({ target }) => target);
  };
  t.deepEqual(targets({ reuse: true }), [8]);
  t.deepEqual(targets({ reuse: true, standby: 12 }), [12]);
  t.deepEqual(targets({ reuse: false }), [16], 'the bound of all instances');
});

test('short calls go on to count as short while the calls that share their cores make them longer', (t) => {
  const demands = demandsWith();
  demands.activate(workload({ key: 'a', reuse: true }), NOW);
  const demand = demands.of('a')!;
  demand.wasAway(1);
  for (let n = 0; n < 100; n += 1) demand.wasAway(19);
  t.is(demands.atOnce('a').calls, 8);
  for (let n = 0; n < 100; n += 1) demand.wasAway(21);
  t.is(demands.atOnce('a').calls, Infinity, 'calls that have become long');
  for (let n = 0; n < 100; n += 1) demand.wasAway(6);
  t.is(demands.atOnce('a').calls, Infinity, 'calls that were never short');
});

test('a stall that makes all calls under way long leaves short calls short', (t) => {
  const demands = demandsWith();
  demands.activate(workload({ key: 'a', reuse: true }), NOW);
  const demand = demands.of('a')!;
  for (let n = 0; n < 10; n += 1) demand.wasAway(1);
  for (let n = 0; n < 8; n += 1) demand.wasAway(100);
  t.is(demands.atOnce('a').calls, 8);
  for (let n = 0; n < 8; n += 1) demand.wasAway(100);
  t.is(demands.atOnce('a').calls, Infinity, 'twice as many are more than a stall');
});
