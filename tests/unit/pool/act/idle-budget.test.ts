import test from 'ava';
import fc from 'fast-check';
import { profileKey } from '../../../../src/model/profile.js';
import { Demands } from '../../../../src/pool/decide/demands.js';
import type { Fleet } from '../../../../src/pool/act/fleet.js';
import { IdleBudget } from '../../../../src/pool/act/idle-budget.js';
import type { Instance } from '../../../../src/instance/instance.js';
import type { MemoryLedger } from '../../../../src/pool/act/memory-ledger.js';
import { RANK, planRefills } from '../../../../src/pool/decide/refill-plan.js';
import type { InstanceView } from '../../../../src/pool/decide/scheduler.js';
import { view } from '../../../helpers/instance-view.js';
import { profile, workload } from '../../../helpers/pool-fixture.js';

const MIB = 1024 * 1024;
const NOW = 1e9;
const standard = profileKey(profile);

/** A budget for so many instances of 10 MiB each, and what it stopped. */
class Situation {
  readonly instances: InstanceView[];
  readonly stopped: string[] = [];
  readonly demands: Demands;
  readonly budget: IdleBudget;

  /** @param sizes in MiB, by code key, of those that do not take 10 */
  constructor(
    places: number,
    instances: InstanceView[] = [],
    minStandby = 0,
    sizes: Record<string, number> = {},
  ) {
    this.instances = instances;
    const size = (key: string): number => (sizes[key] ?? 10) * MIB;
    const sizeOf = ({ codeKey, intendedFor, profileKey: key }: InstanceView): number =>
      size(codeKey ?? intendedFor ?? key);
    this.demands = new Demands({
      defaultProfile: profile,
      minStandby,
      keepAliveMs: 600_000,
      most: 16,
      bytesOf: size,
    });
    const stop = ({ id }: InstanceView): void => {
      this.stopped.push(id);
      this.instances.splice(
        this.instances.findIndex((one) => one.id === id),
        1,
      );
    };
    const ledger = {
      bytesOf: sizeOf,
      sum: (some: InstanceView[]) => some.reduce((sum, one) => sum + sizeOf(one), 0),
    };
    this.budget = new IdleBudget({
      fleet: { list: () => [...this.instances], stop } as unknown as Fleet,
      demands: this.demands,
      ledger: ledger as unknown as MemoryLedger,
      memoryBudgetBytes: places * 10 * MIB,
      surplusMs: 30_000,
    });
  }

  /** A function that is called so often a minute. */
  deploy(key: string, perMinute: number, standby: number | null = null): void {
    this.demands.activate(workload({ key, standby }), NOW - 60_000);
    for (let n = 1; n <= perMinute; n += 1)
      this.demands.arrived(workload({ key, standby }), NOW - 60_000 + (n * 60_000) / perMinute);
  }

  tidy(): void {
    this.budget.tidy(this.instances as Instance[], NOW);
  }
}

const loaded = (codeKey: string, id = codeKey): InstanceView =>
  view('idle', { id, codeKey, profileKey: standard, since: NOW });
const standby = (id: string): InstanceView => view('standby', { id, profileKey: standard, since: NOW });

test('idle are the standbys, the loaded and the warm ones', (t) => {
  const some = [
    standby('s'),
    loaded('l'),
    view('idle', { id: 'w', calls: 2 }),
    ...(['starting', 'loading', 'busy', 'stopping'] as const).map((state) => view(state)),
  ];
  const { budget } = new Situation(10, some);
  t.deepEqual(
    budget.idle().map(({ id }) => id),
    ['s', 'l', 'w'],
  );
  t.is(budget.usedBytes(), 30 * MIB);
});

test('what is on its way ahead of calls takes of the budget, what calls load does not', (t) => {
  const some = [
    standby('s'),
    view('starting'),
    view('loading', { intendedFor: 'c' }),
    view('loading'),
    view('busy'),
  ];
  const { budget, instances } = new Situation(10, some);
  t.is(budget.freeBytes(instances as Instance[]), 70 * MIB);
});

test('within the budget nothing goes', (t) => {
  const situation = new Situation(2, [loaded('a'), loaded('b')]);
  situation.deploy('a', 1);
  situation.deploy('b', 1);
  situation.tidy();
  t.deepEqual(situation.stopped, []);
});

test('beyond the budget the ones worth least go, and no more than needed', (t) => {
  const situation = new Situation(2, [
    loaded('often'),
    loaded('seldom'),
    loaded('sometimes'),
    loaded('gone'),
  ]);
  situation.deploy('seldom', 1);
  situation.deploy('often', 60);
  situation.deploy('sometimes', 10);
  situation.tidy();
  t.deepEqual(situation.stopped, ['gone', 'seldom']);
});

test('a budget of nothing keeps nothing', (t) => {
  const situation = new Situation(0, [loaded('a'), standby('s')]);
  situation.deploy('a', 60);
  situation.tidy();
  t.deepEqual(situation.stopped.sort(), ['a', 's']);
});

test('what is not wanted goes first, and may be all that has to', (t) => {
  const situation = new Situation(1, [loaded('often'), loaded('unwanted')]);
  situation.deploy('often', 60);
  situation.deploy('unwanted', 10, 0);
  situation.tidy();
  t.deepEqual(situation.stopped, ['unwanted']);
});

/** The first one of this function, or one more. */
function makeRoomFor(situation: Situation, codeKey: string, n = 1): void {
  const [want] = situation.demands.wants(NOW, () => 0).filter((one) => one.codeKey === codeKey);
  const rank = n === 1 ? RANK.floor : RANK.more;
  situation.budget.makeRoom({ rank, worth: want!.worth(n), bytes: want!.bytes }, NOW);
}

test('one worth less makes room for what is worth more', (t) => {
  const situation = new Situation(2, [loaded('seldom'), loaded('sometimes')]);
  situation.deploy('seldom', 1);
  situation.deploy('sometimes', 10);
  situation.deploy('often', 60);
  makeRoomFor(situation, 'often');
  t.deepEqual(situation.stopped, ['seldom']);
});

test('nothing makes room for what is worth less, or the same', (t) => {
  const situation = new Situation(1, [loaded('often')]);
  situation.deploy('seldom', 1);
  situation.deploy('often', 60);
  situation.deploy('as often', 60);
  makeRoomFor(situation, 'seldom');
  makeRoomFor(situation, 'as often');
  t.deepEqual(situation.stopped, []);
});

test('what is more than a function needs first goes before the only one of another', (t) => {
  const situation = new Situation(2, [loaded('often', 'first'), loaded('often', 'second')]);
  situation.deploy('often', 600);
  situation.deploy('seldom', 1);
  makeRoomFor(situation, 'seldom');
  t.deepEqual(situation.stopped, ['first']);
  situation.instances.push(loaded('seldom'));
  makeRoomFor(situation, 'often', 2);
  t.deepEqual(situation.stopped, ['first'], 'and does not come back for it');
});

test('a standby takes the room of what is more, of nothing else', (t) => {
  const situation = new Situation(3, [standby('s'), loaded('often', 'first')]);
  situation.deploy('often', 600);
  const wanted = { rank: RANK.standby, worth: 0, bytes: 20 * MIB };
  situation.budget.makeRoom(wanted, NOW);
  t.deepEqual(situation.stopped, []);
  situation.instances.push(loaded('often', 'second'));
  situation.budget.makeRoom(wanted, NOW);
  t.deepEqual(situation.stopped, [], 'nor when that is not enough');
  situation.budget.makeRoom({ ...wanted, bytes: 10 * MIB }, NOW);
  t.deepEqual(situation.stopped, ['first']);
});

test('as many go as a large one needs, or none', (t) => {
  const some = (): InstanceView[] => ['w', 'x', 'y', 'z'].map((id) => loaded('seldom', id));
  const enough = new Situation(4, some());
  enough.deploy('seldom', 1);
  enough.budget.makeRoom({ rank: RANK.floor, worth: 100, bytes: 25 * MIB }, NOW);
  t.is(enough.stopped.length, 3);
  const tooLarge = new Situation(4, some());
  tooLarge.deploy('seldom', 1);
  tooLarge.budget.makeRoom({ rank: RANK.floor, worth: 100, bytes: 45 * MIB }, NOW);
  t.deepEqual(tooLarge.stopped, []);
});

test('where nothing is idle nothing goes', (t) => {
  const situation = new Situation(1, [view('busy')]);
  situation.deploy('often', 60);
  t.notThrows(() => makeRoomFor(situation, 'often'));
});

/** What the replenisher does, with starts and loads that take no time, until there is nothing to do. Returns how many rounds that took. */
function settle(situation: Situation): number {
  const { budget, demands, instances } = situation;
  for (let round = 0; round < 50; round += 1) {
    const before = situation.stopped.length;
    budget.tidy(instances as Instance[], NOW);
    const { refills, short } = planRefills({
      instances,
      wants: demands.wants(NOW, () => 0),
      standbys: demands.standbys(NOW),
      limits: { maxInstances: 32, maxStarting: 2, maxLoading: 2 },
      backlog: false,
      freeBytes: budget.freeBytes(instances as Instance[]),
    });
    for (const refill of refills) {
      if (refill.kind === 'load') {
        instances.splice(
          instances.findIndex(({ id }) => id === refill.instanceId),
          1,
        );
        instances.push(loaded(refill.codeKey, refill.instanceId));
      } else if (refill.intendedFor === null)
        instances.push(view('standby', { profileKey: refill.profileKey, since: NOW }));
      else
        instances.push(
          view('idle', { codeKey: refill.intendedFor, profileKey: refill.profileKey, since: NOW }),
        );
    }
    if (short) budget.makeRoom(short, NOW);
    if (refills.length === 0 && situation.stopped.length === before) return round;
  }
  return Infinity;
}

for (const places of [0, 1, 2, 3, 5, 8, 20])
  for (const minStandby of [0, 1, 2, 4])
    test(`with room for ${places} and ${minStandby} standbys it comes to rest, within the budget`, (t) => {
      const situation = new Situation(places, [], minStandby);
      situation.deploy('seldom', 1);
      situation.deploy('often', 600);
      situation.deploy('sometimes', 10);
      situation.demands.activate(workload({ key: 'large', memoryMb: 512 }), NOW);
      t.true(settle(situation) < 30, `${situation.stopped.length} were stopped`);
      t.true(situation.instances.length <= places);
    });

test('it comes to rest whatever there is, within the budget', (t) => {
  const functions = fc.array(
    fc.record({
      perMinute: fc.nat(300),
      size: fc.constantFrom(5, 10, 25, 60),
      standby: fc.option(fc.nat(3), { freq: 4 }),
    }),
    { maxLength: 6 },
  );
  fc.assert(
    fc.property(fc.nat(20), fc.nat(4), functions, (places, minStandby, some) => {
      const sizes = Object.fromEntries(some.map(({ size }, n) => [`f${n}`, size]));
      const situation = new Situation(places, [], minStandby, sizes);
      some.forEach(({ perMinute, standby: exact }, n) => situation.deploy(`f${n}`, perMinute, exact));
      t.true(settle(situation) < 50);
      t.true(situation.budget.usedBytes() <= places * 10 * MIB);
    }),
    { numRuns: 200 },
  );
});
