import test from 'ava';
import fc from 'fast-check';
import { INSTANCE_STATES } from '../../../../src/instance/instance-state.js';
import {
  RANK,
  planRefills,
  readyCounts,
  type Refill,
  type RefillSnapshot,
  type StandbyWant,
  type Want,
} from '../../../../src/pool/decide/refill-plan.js';
import type { InstanceView } from '../../../../src/pool/decide/scheduler.js';
import { view } from '../../../helpers/instance-view.js';

const limits = { maxInstances: 10, maxStarting: 3, maxLoading: 2 };

/** Of code `c` with profile `p`; its n-th ready instance is worth 1/n. */
function want(fields: Partial<Want> = {}): Want {
  return {
    codeKey: 'c',
    profileKey: 'p',
    reuse: false,
    target: 1,
    due: 0,
    worth: (n) => 1 / n,
    bytes: 10,
    ...fields,
  };
}

function standbyWant(fields: Partial<StandbyWant> = {}): StandbyWant {
  return { profileKey: 'p', target: 1, reserve: 0, bytes: 10, ...fields };
}

function plan(snapshot: Partial<RefillSnapshot>): ReturnType<typeof planRefills> {
  return planRefills({
    instances: [],
    wants: [],
    standbys: [],
    limits,
    backlog: false,
    freeBytes: 1_000,
    ...snapshot,
  });
}

const start = (intendedFor: string | null, profileKey = 'p'): Refill => ({
  kind: 'start',
  profileKey,
  intendedFor,
});
const load = (instanceId: string, codeKey = 'c'): Refill => ({ kind: 'load', instanceId, codeKey });
const standby = (id: string, fields: Partial<InstanceView> = {}) => view('standby', { id, ...fields });

interface Row {
  title: string;
  snapshot: Partial<RefillSnapshot>;
  refills: Refill[];
}

const table: Row[] = [
  { title: 'begins nothing where nothing is wanted', snapshot: {}, refills: [] },
  {
    title: 'starts one for a function that has none',
    snapshot: { wants: [want()] },
    refills: [start('c')],
  },
  {
    title: 'loads a standby rather than start',
    snapshot: { wants: [want()], instances: [standby('s')] },
    refills: [load('s')],
  },
  {
    title: 'loads the standby of its profile only',
    snapshot: { wants: [want()], instances: [standby('s', { profileKey: 'q' })] },
    refills: [start('c')],
  },
  {
    title: 'leaves the reserve of standbys to calls',
    snapshot: {
      wants: [want({ target: 2 })],
      standbys: [standbyWant({ reserve: 1 })],
      instances: [standby('s'), standby('t')],
    },
    refills: [load('s'), start('c')],
  },
  {
    title: 'does not take a standby that is on its way to other code',
    snapshot: { wants: [want()], instances: [standby('s', { intendedFor: 'd' })] },
    refills: [start('c')],
  },
  {
    title: 'counts what is starting or loading for it',
    snapshot: {
      wants: [want({ target: 4 })],
      instances: [
        view('starting', { intendedFor: 'c' }),
        view('standby', { intendedFor: 'c' }),
        view('loading', { intendedFor: 'c' }),
        view('idle'),
      ],
    },
    refills: [],
  },
  {
    title: 'does not count what is loading for a call, in one, or ending',
    snapshot: {
      wants: [want()],
      instances: [view('loading'), view('busy'), view('stopping', { codeKey: 'c' })],
    },
    refills: [start('c')],
  },
  {
    title: 'counts those in calls where they come back',
    snapshot: { wants: [want({ reuse: true, target: 2 })], instances: [view('busy'), view('busy')] },
    refills: [],
  },
  {
    title: 'does not count a called one where it may not be used again',
    snapshot: { wants: [want()], instances: [view('idle', { calls: 1 })] },
    refills: [start('c')],
  },
  {
    title: 'counts a called one where it may be used again',
    snapshot: { wants: [want({ reuse: true })], instances: [view('idle', { calls: 1 })] },
    refills: [],
  },
  {
    title: 'gives each function one before any gets two, whatever they are worth',
    snapshot: {
      wants: [want({ target: 3, worth: () => 100 }), want({ codeKey: 'd', worth: () => 1 })],
      limits: { ...limits, maxStarting: 2 },
    },
    refills: [start('c'), start('d')],
  },
  {
    title: 'begins with the function whose first one is worth most',
    snapshot: {
      wants: [want({ worth: () => 1 }), want({ codeKey: 'd', worth: () => 2 })],
      limits: { ...limits, maxStarting: 1 },
    },
    refills: [start('d')],
  },
  {
    title: 'makes standbys before second ones',
    snapshot: {
      wants: [want({ target: 2 })],
      standbys: [standbyWant()],
      limits: { ...limits, maxStarting: 2 },
    },
    refills: [start('c'), start(null)],
  },
  {
    title: 'makes the standbys that are missing, those on their way counted',
    snapshot: {
      standbys: [standbyWant({ target: 4 })],
      instances: [standby('s'), view('starting'), view('starting', { intendedFor: 'c' })],
      limits: { ...limits, maxStarting: 9 },
    },
    refills: [start(null), start(null)],
  },
  {
    title: 'replaces a standby that it loads',
    snapshot: { wants: [want()], standbys: [standbyWant()], instances: [standby('s')] },
    refills: [load('s'), start(null)],
  },
  {
    title: 'does not load a standby for a second one where it could not be replaced',
    snapshot: {
      wants: [want({ target: 2 })],
      standbys: [standbyWant({ target: 2, reserve: 1, bytes: 20 })],
      instances: [standby('s'), standby('t'), view('idle')],
      limits: { ...limits, maxStarting: 0 },
      freeBytes: 19,
    },
    refills: [],
  },
  {
    title: 'loads a standby for a second one where it can be replaced, once',
    snapshot: {
      wants: [want({ target: 4 })],
      standbys: [standbyWant({ target: 3, reserve: 1, bytes: 20 })],
      instances: [standby('s'), standby('t'), standby('u'), view('idle')],
      limits: { ...limits, maxStarting: 0 },
      freeBytes: 39,
    },
    refills: [load('s')],
  },
  {
    title: 'goes by what one more is worth',
    snapshot: {
      wants: [
        want({ target: 3, worth: (n) => 10 / n }),
        want({ codeKey: 'd', target: 3, worth: (n) => 25 / n }),
      ],
      instances: [view('idle'), view('idle', { codeKey: 'd' })],
      limits: { ...limits, maxStarting: 3 },
    },
    refills: [start('d'), start('d'), start('c')],
  },
  {
    title: 'begins nothing while calls wait',
    snapshot: { wants: [want()], standbys: [standbyWant()], backlog: true },
    refills: [],
  },
  {
    title: 'refills who has waited its turn while calls wait, and makes no standbys',
    snapshot: {
      wants: [want(), want({ codeKey: 'd', due: Infinity, target: 2 })],
      standbys: [standbyWant()],
      backlog: true,
    },
    refills: [start('d'), start('d')],
  },
  {
    title: 'starts no more at once than may',
    snapshot: { wants: [want({ target: 9 })], instances: [view('starting', { profileKey: 'q' })] },
    refills: [start('c'), start('c')],
  },
  {
    title: 'loads no more at once than may, those for calls not counted',
    snapshot: {
      wants: [want({ target: 9 })],
      instances: [
        standby('s'),
        standby('t'),
        view('loading', { codeKey: 'd', intendedFor: 'd' }),
        view('loading', { codeKey: 'd' }),
      ],
      limits: { ...limits, maxStarting: 0 },
    },
    refills: [load('s')],
  },
  {
    title: 'keeps within the places, whatever the state of who has them',
    snapshot: {
      wants: [want({ target: 9 })],
      instances: [view('busy'), view('stopping'), view('idle', { codeKey: 'd' })],
      limits: { ...limits, maxInstances: 4 },
    },
    refills: [start('c')],
  },
];

for (const { title, snapshot, refills } of table)
  test(`the plan ${title}`, (t) => {
    t.deepEqual(plan(snapshot), { refills, short: null });
  });

test('the plan does not overdraw the memory, and tells what did not fit first', (t) => {
  const other = want({ codeKey: 'd', bytes: 30 });
  const planned = plan({
    wants: [want(), other],
    standbys: [standbyWant({ target: 2, bytes: 20 })],
    freeBytes: 30,
  });
  t.deepEqual(planned.refills, [start('c'), start(null)]);
  t.deepEqual(planned.short, { rank: RANK.floor, worth: 1, bytes: 30 });
});

test('the plan tells of a standby that does not fit', (t) => {
  t.deepEqual(plan({ standbys: [standbyWant()], freeBytes: 9 }), {
    refills: [],
    short: { rank: RANK.standby, worth: 0, bytes: 10 },
  });
});

test('the plan tells of a second one that does not fit, and what it is worth', (t) => {
  t.deepEqual(plan({ wants: [want({ target: 2 })], instances: [view('idle')], freeBytes: 9 }).short, {
    rank: RANK.more,
    worth: 0.5,
    bytes: 10,
  });
});

test('room for what is more must do for the standbys that are missing, too', (t) => {
  const planned = plan({
    wants: [
      want({ target: 2, bytes: 25, worth: () => 9 }),
      want({ codeKey: 'd', target: 2, bytes: 10, worth: () => 1 }),
    ],
    standbys: [standbyWant({ target: 2, reserve: 1 })],
    instances: [view('idle'), view('idle', { codeKey: 'd' }), standby('s'), standby('t')],
    freeBytes: 10,
  });
  t.deepEqual(planned, { refills: [load('s', 'd')], short: { rank: RANK.more, worth: 9, bytes: 35 } });
});

test('the plan loads a standby though the memory is full, if the code takes no more', (t) => {
  const snapshot = { instances: [standby('s')], standbys: [standbyWant()], freeBytes: -5 };
  t.deepEqual(plan({ ...snapshot, wants: [want()] }).refills, [load('s')]);
  t.deepEqual(plan({ ...snapshot, wants: [want({ bytes: 11 })] }), {
    refills: [],
    short: { rank: RANK.floor, worth: 1, bytes: 11 },
  });
});

test('what waits for a place, not for memory, is not short of it', (t) => {
  t.deepEqual(plan({ wants: [want()], freeBytes: 0, limits: { ...limits, maxStarting: 0 } }), {
    refills: [],
    short: null,
  });
});

test('ready are the idle ones that hold the code', (t) => {
  const ready = readyCounts([view('idle'), view('idle'), view('busy'), view('loading'), view('standby')]);
  t.is(ready('c'), 2);
  t.is(ready('d'), 0);
});

const codes = ['c', 'd', 'e'];
const profileOf = (code: string): string => (code === 'e' ? 'q' : 'p');

/** More than all that can be wanted. */
const MUCH = 10_000;

const instances = fc.array(
  fc.record({
    state: fc.constantFrom(...INSTANCE_STATES.filter((state) => state !== 'stopped')),
    code: fc.constantFrom(...codes),
    intended: fc.boolean(),
    calls: fc.nat(1),
  }),
  { maxLength: 12 },
);

const wants = fc.tuple(
  ...codes.map((codeKey) =>
    fc.record({
      codeKey: fc.constant(codeKey),
      profileKey: fc.constant(profileOf(codeKey)),
      reuse: fc.boolean(),
      target: fc.integer({ min: 1, max: 5 }),
      due: fc.constantFrom(0, 1, Infinity),
      worth: fc.nat(9).map((w) => (n: number) => w / n),
      bytes: fc.integer({ min: 1, max: 40 }),
    }),
  ),
);

const standbys = fc.tuple(
  ...['p', 'q'].map((profileKey) =>
    fc.integer({ min: 0, max: 4 }).chain((target) =>
      fc.record({
        profileKey: fc.constant(profileKey),
        target: fc.constant(target),
        reserve: fc.constant(Math.ceil(target / 2)),
        bytes: fc.integer({ min: 1, max: 40 }),
      }),
    ),
  ),
);

const snapshots = fc.record({
  instances: instances.map((some) =>
    some.map(({ state, code, intended, calls }) => {
      const ahead = intended && ['starting', 'standby', 'loading'].includes(state);
      const holds = ['loading', 'idle', 'busy'].includes(state);
      return view(state, {
        profileKey: profileOf(code),
        codeKey: holds ? code : null,
        intendedFor: ahead ? code : null,
        calls: state === 'busy' ? 1 : state === 'idle' ? calls : 0,
      });
    }),
  ),
  wants,
  standbys,
  limits: fc.record({ maxInstances: fc.nat(16), maxStarting: fc.nat(6), maxLoading: fc.nat(4) }),
  backlog: fc.boolean(),
  freeBytes: fc.oneof(fc.integer({ min: -50, max: 200 }), fc.constant(MUCH)),
});

test('the plan keeps its promises in any situation', (t) => {
  fc.assert(
    fc.property(snapshots, (snapshot) => {
      const { refills, short } = planRefills(snapshot);
      const { limits: most, backlog } = snapshot;
      const starts = refills.filter((refill) => refill.kind === 'start');
      const loads = refills.filter((refill) => refill.kind === 'load');
      const inState = (state: string) => snapshot.instances.filter((i) => i.state === state);
      const wantOf = (codeKey: string) => snapshot.wants.find((one) => one.codeKey === codeKey)!;
      const standbyOf = (key: string) => snapshot.standbys.find((one) => one.profileKey === key)!;

      const total = snapshot.instances.length + starts.length;
      t.true(starts.length === 0 || total <= most.maxInstances, 'places');
      t.true(starts.length === 0 || inState('starting').length + starts.length <= most.maxStarting, 'starts');
      const loading = inState('loading').filter((i) => i.intendedFor !== null).length;
      t.true(loads.length === 0 || loading + loads.length <= most.maxLoading, 'loads');

      let free = snapshot.freeBytes;
      for (const { profileKey, intendedFor } of starts) {
        free -= intendedFor === null ? standbyOf(profileKey).bytes : wantOf(intendedFor).bytes;
        t.true(free >= 0, 'memory');
      }
      t.true(short === null || loads.length > 0 || short.bytes > free, 'short is what does not fit');

      const fresh = new Map(
        inState('standby')
          .filter((i) => i.intendedFor === null)
          .map((i) => [i.id, i.profileKey]),
      );
      let loadsNow = loading;
      for (const refill of refills) {
        const key = refill.kind === 'load' ? wantOf(refill.codeKey).profileKey : refill.profileKey;
        const spare = [...fresh.values()].filter((other) => other === key).length - standbyOf(key).reserve;
        if (refill.kind === 'load') {
          loadsNow += 1;
          t.true(spare > 0, 'the reserve stays');
          t.is(fresh.get(refill.instanceId), key, 'a standby of its profile, once');
          fresh.delete(refill.instanceId);
        } else if (refill.intendedFor !== null)
          t.true(
            spare <= 0 || loadsNow >= most.maxLoading || snapshot.freeBytes < MUCH,
            'a standby that is free is loaded instead',
          );
        const codeKey = refill.kind === 'load' ? refill.codeKey : refill.intendedFor;
        if (backlog) t.true(codeKey !== null && wantOf(codeKey).due > 0, 'calls that wait go first');
      }

      for (const { codeKey, target, reuse } of snapshot.wants) {
        const begun = refills.filter((refill) =>
          refill.kind === 'load' ? refill.codeKey === codeKey : refill.intendedFor === codeKey,
        ).length;
        const usable = snapshot.instances.filter(
          (i) =>
            i.state !== 'stopping' &&
            ((i.state === 'idle' && i.codeKey === codeKey && (reuse || i.calls === 0)) ||
              (i.state === 'busy' && i.codeKey === codeKey && reuse) ||
              i.intendedFor === codeKey),
        ).length;
        t.true(begun <= Math.max(0, target - usable), 'no more than is wanted');
      }

      // Floors, then standbys, then the rest.
      const rank = refills.map((refill) => {
        const codeKey = refill.kind === 'load' ? refill.codeKey : refill.intendedFor;
        return codeKey === null ? 1 : 0;
      });
      const firstStandby = rank.indexOf(1);
      const floors = refills.slice(0, firstStandby < 0 ? 0 : firstStandby);
      const floorCodes = floors.map((refill) =>
        refill.kind === 'load' ? refill.codeKey : refill.intendedFor,
      );
      t.is(new Set(floorCodes).size, floorCodes.length, 'before the standbys each function gets one');
    }),
    { numRuns: 1_000 },
  );
});
