import test from 'ava';
import fc from 'fast-check';
import { INSTANCE_STATES } from '../../../../src/instance/instance-state.js';
import { decide } from '../../../../src/pool/decide/decide.js';
import type { FunctionView, InstanceView, StandbyView } from '../../../../src/pool/decide/snapshot.js';
import { view } from '../../../helpers/instance-view.js';
import {
  functionView as want,
  requestView,
  snapshot,
  standbyView as standbyWant,
  words,
} from '../../../helpers/pool-snapshot.js';

const limits = { maxInstances: 10, maxStarting: 3, maxRefilling: 3, placesForCalls: 0 };

interface Fields {
  instances?: readonly InstanceView[];
  wants?: readonly FunctionView[];
  standbys?: readonly StandbyView[];
  limits?: typeof limits;
  severalCalled?: () => boolean;
  /** Memory left beside what is idle or on its way to be. */
  freeBytes?: number;
  /** Of a standby, and of an instance with the code `c`. */
  bytesOf?: (instance: InstanceView) => number;
}

/** What is begun, and what is stopped to make room, no call waiting. */
function plan({ instances = [], wants = [], standbys = [], freeBytes = 1_000, ...fields }: Fields): string[] {
  const bytesOf = fields.bytesOf ?? (() => 10);
  const taken = instances
    .filter(
      ({ state, intendedFor }) =>
        ['idle', 'standby', 'starting'].includes(state) || (state === 'loading' && intendedFor !== null),
    )
    .reduce((sum, instance) => sum + bytesOf(instance), 0);
  return words(
    decide(
      snapshot({
        instances,
        functions: wants,
        standbys,
        limits,
        memoryBudgetBytes: freeBytes + taken,
        ...fields,
        bytesOf,
      }),
    ),
  ).filter((each) => !each.startsWith('stop') || each.endsWith('room'));
}

const start = (intendedFor: string | null, profileKey = 'p'): string =>
  `start ${profileKey} ${intendedFor ?? '-'}`;
const load = (instanceId: string, codeKey = 'c'): string => `load ${instanceId} ${codeKey}`;
const standby = (id: string, fields: Partial<InstanceView> = {}) => view('standby', { id, ...fields });

interface Row {
  title: string;
  snapshot: Fields;
  refills: string[];
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
      limits: { ...limits, maxStarting: 9, maxRefilling: 9 },
    },
    refills: [start(null), start(null)],
  },
  {
    title: 'begins half as many starts at once while several functions are called',
    snapshot: {
      standbys: [standbyWant({ target: 4 })],
      limits: { ...limits, maxStarting: 8, maxRefilling: 4 },
      severalCalled: () => true,
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
    title: 'does not load a standby for a second one where no place is left for a replacement',
    snapshot: {
      wants: [want({ target: 2 })],
      standbys: [standbyWant({ target: 2, reserve: 1 })],
      instances: [standby('s'), standby('t'), view('idle')],
      limits: { ...limits, maxInstances: 3 },
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
      limits: { ...limits, maxStarting: 0, maxRefilling: 2 },
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

for (const { title, snapshot: fields, refills } of table)
  test(`the plan ${title}`, (t) => {
    t.deepEqual(plan(fields), refills);
  });

test('memory is not overdrawn, and what did not fit first has what matters less let go', (t) => {
  const uncalled = want({ codeKey: 'u', target: 0, wanted: 1, uncalled: true });
  const wants = [want(), want({ codeKey: 'd', bytes: 30 }), uncalled];
  const standbys = [standbyWant({ target: 2, bytes: 20 })];
  t.deepEqual(plan({ wants, standbys, freeBytes: 30 }), [start('c'), start(null)]);
  const instances = [view('idle', { id: 'left', codeKey: 'u' })];
  t.deepEqual(
    plan({ wants, standbys, freeBytes: 30, instances }),
    [start('c'), start(null)],
    'not when that is not enough',
  );
  t.deepEqual(plan({ wants: wants.slice(1), freeBytes: 20, instances }), ['stop left room']);
});

test('a standby takes the memory of what is more, of nothing else', (t) => {
  const more = [view('idle', { id: 'i', since: 1 }), view('idle', { id: 'j', since: 2 })];
  const wants = [want({ target: 2 })];
  t.deepEqual(plan({ wants, standbys: [standbyWant()], freeBytes: 9, instances: more }), ['stop i room']);
  t.deepEqual(plan({ wants: [want()], standbys: [standbyWant()], freeBytes: 9, instances: [more[0]!] }), []);
});

test('a second one takes the memory of what is worth less, room for missing standbys included', (t) => {
  const standbys = [standbyWant({ target: 2, reserve: 1 })];
  const instances = [
    view('idle'),
    view('idle', { id: 'd1', codeKey: 'd', since: 1 }),
    view('idle', { id: 'd2', codeKey: 'd', since: 2 }),
    standby('s'),
    standby('t'),
  ];
  const wants = [
    want({ target: 2, bytes: 25, worth: () => 9 }),
    want({ codeKey: 'd', target: 3, wanted: 3, worth: () => 1 }),
  ];
  t.deepEqual(
    plan({ wants, standbys, instances, freeBytes: 10 }),
    [load('s', 'd')],
    '35 bytes are missing then, and 10 would go',
  );
});

test('a standby is loaded though the memory is full, if the code takes no more', (t) => {
  const fields = { instances: [standby('s')], standbys: [standbyWant()], freeBytes: 0 };
  t.deepEqual(plan({ ...fields, wants: [want()] }), [load('s')]);
  t.deepEqual(plan({ ...fields, wants: [want({ bytes: 11 })] }), []);
});

test('nothing is begun while calls wait for the starts they may have', (t) => {
  const said = words(
    decide(
      snapshot({
        instances: [view('starting', { id: 's', profileKey: 'q' })],
        requests: [requestView(1, { codeKey: 'e', profileKey: 'q' })],
        functions: [want()],
        standbys: [standbyWant()],
      }),
    ),
  );
  t.deepEqual(said, ['wait 1 s']);
});

test('a function that lacks one has its turn among calls that wait behind others of their own', (t) => {
  const requests = [0, 1, 2].map((turn) =>
    requestView(turn + 1, { codeKey: 'e', profileKey: 'q', turn, behind: turn > 0 }),
  );
  const said = (turn: number, fields: Partial<Parameters<typeof snapshot>[0]> = {}): string[] =>
    words(decide(snapshot({ requests, functions: [want({ turn })], ...fields })));
  t.deepEqual(said(0), ['start 1 q', 'start p c', 'start 2 q', 'wait 3 -'], 'a tie goes to the call');
  t.deepEqual(said(1), ['start 1 q', 'start 2 q', 'start p c', 'wait 3 -']);
  t.deepEqual(said(5), ['start 1 q', 'start 2 q', 'start 3 q'], 'its turn has not come');
  t.deepEqual(said(0, { mayRefill: false }), ['start 1 q', 'start 2 q', 'start 3 q']);
});

test('while more functions are called than have places, no call waits for a refill', (t) => {
  const requests = [0, 1].map((turn) =>
    requestView(turn + 1, { codeKey: 'e', profileKey: 'q', turn, behind: turn > 0 }),
  );
  const few = { ...limits, maxInstances: 3, placesForCalls: 1 };
  const said = (...functions: Want[]): string[] =>
    words(decide(snapshot({ requests, functions, limits: few })));
  const [a, b, c] = ['a', 'b', 'c'].map((codeKey) => want({ codeKey, turn: 0 })) as [Want, Want, Want];
  t.deepEqual(said(a, b), ['start 1 q', 'start p a', 'start p b', 'wait 2 -']);
  t.deepEqual(said(a, b, c), ['start 1 q', 'start 2 q']);
  t.deepEqual(
    said(a, b, { ...c, uncalled: true }).length,
    4,
    'a function that was only deployed is not called',
  );
  t.deepEqual(said(a, b, { ...c, wanted: 0 }).length, 4, 'nor is one that wants none');
});

test('a call that came alone waits for no refill, however long that has waited', (t) => {
  const functions = ['a', 'b', 'c', 'd'].map((codeKey) => want({ codeKey, turn: 0 }));
  const requests = [requestView(1, { codeKey: 'e', profileKey: 'q', turn: 99 })];
  t.deepEqual(words(decide(snapshot({ requests, functions }))), ['start 1 q']);
});

test('a function in use that has nothing takes the place of what a deploy left', (t) => {
  const instances = [
    view('busy', { id: 'mine', codeKey: 'c' }),
    view('idle', { id: 'old', codeKey: 'd', since: 1 }),
    view('idle', { id: 'young', codeKey: 'e', since: 2 }),
  ];
  const uncalled = (codeKey: string) => want({ codeKey, target: 0, wanted: 1, uncalled: true });
  const few = { ...limits, maxInstances: 3, placesForCalls: 1 };
  const wants = [want(), uncalled('d'), uncalled('e')];
  t.deepEqual(plan({ instances, wants, limits: few }), ['stop old room']);
  const going = [...instances.slice(0, 1), view('stopping'), instances[2]!];
  t.deepEqual(plan({ instances: going, wants, limits: few }), [], 'a place is becoming free');
  const called = [want(), want({ codeKey: 'd' }), want({ codeKey: 'e' })];
  t.deepEqual(plan({ instances, wants: called, limits: few }), [], 'those of others in use stay');
});

test('with nobody waiting the last places are left to calls, but for a function that has nothing', (t) => {
  const few = { ...limits, maxInstances: 4, placesForCalls: 1, maxRefilling: 9, maxStarting: 9 };
  t.deepEqual(plan({ wants: [want({ target: 9 })], limits: few }), [start('c'), start('c'), start('c')]);
  const full = [view('idle', { codeKey: 'd' }), view('busy'), view('busy')];
  t.deepEqual(plan({ wants: [want(), want({ codeKey: 'd' })], instances: full, limits: few }), [start('c')]);
});

type Want = ReturnType<typeof want>;

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
    fc
      .record({
        reuse: fc.boolean(),
        target: fc.integer({ min: 1, max: 5 }),
        worth: fc.nat(9).map((w) => (n: number) => w / n),
        bytes: fc.integer({ min: 1, max: 40 }),
        turn: fc.nat(4),
      })
      .map((fields) => want({ codeKey, profileKey: profileOf(codeKey), ...fields })),
  ),
);

const standbys = fc.tuple(
  ...['p', 'q'].map((profileKey) =>
    fc
      .record({ target: fc.nat(4), bytes: fc.integer({ min: 1, max: 40 }) })
      .map(({ target, bytes }) => standbyWant({ profileKey, target, reserve: Math.ceil(target / 2), bytes })),
  ),
);

const requests = fc.array(
  fc.record({ code: fc.constantFrom(...codes), turn: fc.nat(6), behind: fc.boolean() }),
  { maxLength: 4 },
);

const situations = fc.record({
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
  requests,
  limits: fc.record({
    maxInstances: fc.nat(16),
    maxStarting: fc.nat(6),
    maxRefilling: fc.nat(6),
    placesForCalls: fc.nat(3),
  }),
  memoryBudgetBytes: fc.oneof(fc.nat(300), fc.constant(MUCH)),
});

test('decisions keep their promises in any situation', (t) => {
  fc.assert(
    fc.property(situations, ({ wants: functions, requests: waiting, ...fields }) => {
      const calls = waiting.map(({ code, turn, behind }, n) =>
        requestView(n, { codeKey: code, profileKey: profileOf(code), turn, behind }),
      );
      const actions = decide(
        snapshot({ ...fields, functions, requests: calls, surplusMs: 0, keepAliveMs: 0 }),
      );
      const most = fields.limits;
      const instanceOf = (id: string) => fields.instances.find((each) => each.id === id)!;

      // 1. Every request gets one answer; an instance is given away or stopped once, and only an idle one.
      const answered = actions.flatMap((action) =>
        'request' in action && action.request !== null ? [action.request] : [],
      );
      t.deepEqual(
        answered.toSorted(),
        calls.map(({ id }) => id),
        'one answer each',
      );
      const touched = actions.flatMap((action) =>
        action.kind === 'use' || action.kind === 'load' || action.kind === 'stop' ? [action.instance] : [],
      );
      t.is(new Set(touched).size, touched.length, 'no instance twice');
      for (const id of touched) t.true(['idle', 'standby'].includes(instanceOf(id).state));

      // 2. The limits hold, whatever there was before.
      const starts = actions.filter((action) => action.kind === 'start');
      const starting = fields.instances.filter(({ state }) => state === 'starting').length;
      t.true(starts.length === 0 || fields.instances.length + starts.length <= most.maxInstances, 'places');
      t.true(starts.length === 0 || starting + starts.length <= most.maxStarting, 'starts');

      // 3. Nothing is made beyond what is wanted, and a reserve of standbys is left to calls.
      for (const { codeKey, target, reuse } of functions) {
        const begun = actions.filter(
          (action) =>
            (action.kind === 'load' && action.request === null && action.codeKey === codeKey) ||
            (action.kind === 'start' && action.intendedFor === codeKey),
        ).length;
        const usable = fields.instances.filter(
          (each) =>
            !touched.includes(each.id) &&
            ((each.state === 'idle' && each.codeKey === codeKey && (reuse || each.calls === 0)) ||
              (each.state === 'busy' && each.codeKey === codeKey && reuse) ||
              (each.intendedFor === codeKey && each.state !== 'stopping')),
        ).length;
        t.true(begun <= Math.max(0, target - usable), 'no more than is wanted');
      }

      // 4. While a call waits that came alone, nothing is made ready before it is served.
      const first = calls[0];
      if (first && !first.behind) {
        const index = actions.findIndex((action) => 'request' in action && action.request === first.id);
        const before = actions.slice(0, index);
        t.true(
          before.every((action) => action.kind === 'stop' || action.kind === 'wait'),
          'calls go first',
        );
      }
      const waits = actions.some(
        ({ kind, ...action }) =>
          kind === 'wait' || (kind === 'start' && 'request' in action && action.request !== null),
      );
      const forNobody = actions.some(
        (action) => action.kind === 'start' && action.request === null && action.intendedFor === null,
      );
      t.false(waits && forNobody, 'no standby is made while a call waits');
    }),
    { numRuns: 2_000 },
  );
});

test('half as many starts for calls are under way at once while several functions are called', (t) => {
  const requests = [1, 2, 3, 4].map((id) => requestView(id));
  const started = (severalCalled: boolean): number =>
    words(decide(snapshot({ requests, limits, severalCalled: () => severalCalled }))).filter((each) =>
      each.startsWith('start'),
    ).length;
  t.is(started(false), 3);
  t.is(started(true), 2);
});
