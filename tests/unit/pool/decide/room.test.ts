/** What goes when memory is short, and that everything comes to rest. */
import test from 'ava';
import fc from 'fast-check';
import { profileKey } from '../../../../src/model/function/profile.js';
import { decide } from '../../../../src/pool/decide/decide.js';
import { codeOf, isIdle } from '../../../../src/pool/decide/rank.js';
import type { InstanceView } from '../../../../src/pool/decide/snapshot.js';
import { Demands } from '../../../../src/pool/demand/demands.js';
import { view } from '../../../helpers/instance-view.js';
import { profile, workload } from '../../../helpers/pool-fixture.js';
import { snapshotOf } from '../../../helpers/pool-snapshot.js';

const MIB = 1024 * 1024;
const NOW = 1e9;
const standard = profileKey(profile);

/** A memory budget for so many instances of 10 MiB each, and what was stopped. */
class Situation {
  readonly instances: InstanceView[];
  readonly stopped: string[] = [];
  readonly demands: Demands;
  /** The most instances there may be. */
  maxInstances = 32;
  /** How many of them are for calls. */
  placesForCalls = 0;
  readonly #budgetBytes: number;
  readonly #size: (key: string) => number;

  /** @param sizes in MiB, by code key, of those that do not take 10 */
  constructor(
    places: number,
    instances: InstanceView[] = [],
    minStandby = 0,
    sizes: Record<string, number> = {},
  ) {
    this.instances = instances;
    this.#budgetBytes = places * 10 * MIB;
    this.#size = (key) => (sizes[key] ?? 10) * MIB;
    this.demands = new Demands({
      defaultProfile: profile,
      minStandby,
      keepAliveMs: 600_000,
      most: 16,
      cores: 2,
      bytesOf: this.#size,
    });
  }

  /** A function that is called so often a minute. */
  deploy(key: string, perMinute: number, standby: number | null = null): void {
    this.demands.activate(workload({ key, standby }), NOW - 60_000);
    for (let n = 1; n <= perMinute; n += 1)
      this.demands.arrived(workload({ key, standby }), NOW - 60_000 + (n * 60_000) / perMinute);
  }

  sizeOf(instance: InstanceView): number {
    return this.#size(codeOf(instance) ?? instance.profileKey);
  }

  usedBytes(): number {
    return this.instances.filter(isIdle).reduce((sum, instance) => sum + this.sizeOf(instance), 0);
  }

  /** One decision, carried out as if starts and loads took no time. Returns whether anything was done. */
  round(mayRefill = true): boolean {
    const actions = decide(
      snapshotOf(this.demands, NOW, {
        instances: this.instances,
        limits: {
          maxInstances: this.maxInstances,
          maxStarting: 2,
          maxRefilling: 2,
          placesForCalls: this.placesForCalls,
        },
        memoryBudgetBytes: this.#budgetBytes,
        surplusMs: 30_000,
        keepAliveMs: 600_000,
        mayRefill,
        bytesOf: (instance) => this.sizeOf(instance),
      }),
    );
    for (const action of actions) {
      if (action.kind === 'stop') {
        this.#take(action.instance);
        this.stopped.push(action.instance);
        if (action.worth !== null) this.demands.evicted(action.worth);
      } else if (action.kind === 'load') {
        this.#take(action.instance);
        this.instances.push(loaded(action.codeKey, action.instance));
      } else if (action.kind === 'start') {
        const { profileKey: key, intendedFor } = action;
        this.instances.push(
          intendedFor === null
            ? view('standby', { profileKey: key, since: NOW })
            : view('idle', { codeKey: intendedFor, profileKey: key, since: NOW }),
        );
      }
    }
    return actions.length > 0;
  }

  #take(id: string): void {
    this.instances.splice(
      this.instances.findIndex((one) => one.id === id),
      1,
    );
  }
}

const loaded = (codeKey: string, id = codeKey): InstanceView =>
  view('idle', { id, codeKey, profileKey: standard, since: NOW });
const standby = (id: string): InstanceView => view('standby', { id, profileKey: standard, since: NOW });

test('within the budget nothing goes', (t) => {
  const situation = new Situation(2, [loaded('a'), loaded('b')]);
  situation.deploy('a', 1);
  situation.deploy('b', 1);
  situation.round(false);
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
  situation.round(false);
  t.deepEqual(situation.stopped, ['gone', 'seldom']);
});

test('what a deploy left goes before what is in use, whatever that is worth', (t) => {
  const situation = new Situation(2, [loaded('deployed'), loaded('seldom'), standby('s')]);
  situation.demands.activate(workload({ key: 'deployed' }), -Infinity, NOW);
  situation.deploy('seldom', 1);
  situation.round(false);
  t.deepEqual(situation.stopped, ['deployed']);
});

test('a budget of nothing keeps nothing', (t) => {
  const situation = new Situation(0, [loaded('a'), standby('s')]);
  situation.deploy('a', 60);
  situation.round(false);
  t.deepEqual(situation.stopped.sort(), ['a', 's']);
});

test('what is not wanted goes first, and may be all that has to', (t) => {
  const situation = new Situation(1, [loaded('often'), loaded('unwanted')]);
  situation.deploy('often', 60);
  situation.deploy('unwanted', 10, 0);
  situation.round(false);
  t.deepEqual(situation.stopped, ['unwanted']);
});

test('one worth less makes room for what is worth more', (t) => {
  const situation = new Situation(2, [loaded('seldom'), loaded('sometimes')]);
  situation.deploy('seldom', 1);
  situation.deploy('sometimes', 10);
  situation.deploy('often', 60);
  situation.round();
  t.deepEqual(situation.stopped, ['seldom']);
});

test('nothing makes room for what is worth less, or the same', (t) => {
  const situation = new Situation(1, [loaded('often')]);
  situation.deploy('often', 60);
  situation.deploy('seldom', 1);
  situation.deploy('as often', 60);
  situation.round();
  t.deepEqual(situation.stopped, []);
});

test('what is more than a function needs first goes before the only one of another', (t) => {
  const situation = new Situation(2, [loaded('often', 'first'), loaded('often', 'second')]);
  situation.deploy('often', 600);
  situation.deploy('seldom', 1);
  situation.round();
  t.deepEqual(situation.stopped, ['first']);
  for (let round = 0; round < 5; round += 1) situation.round();
  t.deepEqual(situation.stopped, ['first'], 'and does not come back for it');
  t.true(situation.instances.some(({ codeKey }) => codeKey === 'seldom'));
});

test('as many go as a large one needs, or none', (t) => {
  const some = (): InstanceView[] => ['w', 'x', 'y', 'z'].map((id) => loaded('seldom', id));
  const enough = new Situation(4, some(), 0, { large: 25 });
  enough.deploy('seldom', 1, 4);
  enough.deploy('large', 600, 1);
  enough.round();
  t.deepEqual(enough.stopped, ['w', 'x', 'y']);
  const tooLarge = new Situation(4, some(), 0, { large: 45 });
  tooLarge.deploy('seldom', 1, 4);
  tooLarge.deploy('large', 600, 1);
  tooLarge.round();
  t.deepEqual(tooLarge.stopped, []);
});

test('where nothing is idle nothing goes', (t) => {
  const situation = new Situation(1, [view('busy', { codeKey: 'other', profileKey: standard })]);
  situation.deploy('often', 60);
  t.notThrows(() => situation.round());
  t.deepEqual(situation.stopped, []);
});

/** Until there is nothing to do. Returns how many rounds that took. */
function settle(situation: Situation): number {
  for (let round = 0; round < 50; round += 1) if (!situation.round()) return round;
  return Infinity;
}

for (const places of [0, 1, 2, 3, 5, 8, 20])
  for (const minStandby of [0, 1, 2, 4])
    test(`with room for ${places} and ${minStandby} standbys everything comes to rest, within the budget`, (t) => {
      const situation = new Situation(places, [], minStandby);
      situation.deploy('seldom', 1);
      situation.deploy('often', 600);
      situation.deploy('sometimes', 10);
      situation.demands.activate(workload({ key: 'large', memoryMb: 512 }), NOW);
      t.true(settle(situation) < 30, `${situation.stopped.length} were stopped`);
      t.true(situation.instances.length <= places);
    });

test('everything comes to rest when there are fewer places than instances wanted', (t) => {
  for (const maxInstances of [4, 6, 8, 12]) {
    const situation = new Situation(100, [], 2);
    situation.maxInstances = maxInstances;
    situation.deploy('often', 600);
    situation.deploy('as often', 600);
    t.true(settle(situation) < 30, `of ${maxInstances} ${situation.stopped.length} were stopped`);
  }
});

test('everything comes to rest whatever there is, within the budget', (t) => {
  const functions = fc.array(
    fc.record({
      perMinute: fc.nat(300),
      size: fc.constantFrom(5, 10, 25, 60),
      standby: fc.option(fc.nat(3), { freq: 4 }),
    }),
    { maxLength: 6 },
  );
  fc.assert(
    fc.property(fc.nat(20), fc.nat(4), functions, fc.nat(20), fc.nat(4), (...situated) => {
      const [places, minStandby, some, maxInstances, placesForCalls] = situated;
      const sizes = Object.fromEntries(some.map(({ size }, n) => [`f${n}`, size]));
      const situation = new Situation(places, [], minStandby, sizes);
      Object.assign(situation, { maxInstances, placesForCalls });
      some.forEach(({ perMinute, standby: exact }, n) => situation.deploy(`f${n}`, perMinute, exact));
      t.true(settle(situation) < 50);
      t.true(situation.usedBytes() <= places * 10 * MIB);
    }),
    { numRuns: 200 },
  );
});
