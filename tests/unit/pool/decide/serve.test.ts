import test from 'ava';
import fc from 'fast-check';
import { INSTANCE_STATES, type InstanceState } from '../../../../src/instance/instance-state.js';
import { decide as decideAll } from '../../../../src/pool/decide/decide.js';
import { serve, UNBOUNDED, type Need, type Offer } from '../../../../src/pool/decide/serve.js';
import type { AtOnce, InstanceView } from '../../../../src/pool/decide/snapshot.js';
import { view as instance } from '../../../helpers/instance-view.js';
import { atMost, functionView, requestView, snapshot, words } from '../../../helpers/pool-snapshot.js';

const limits = { maxInstances: 4, maxStarting: 2 };
const busy = (count: number) => Array.from({ length: count }, () => instance('busy'));
const named = (id: string, state: InstanceState, fields: Partial<InstanceView> = {}) =>
  instance(state, { id, ...fields });

interface Situation {
  instances: InstanceView[];
  claimed: ReadonlySet<string>;
  limits: { maxInstances: number; maxStarting: number };
  /** Requests ahead that wait without an instance on its way. */
  waiting: number;
  atOnce: AtOnce;
  now: number;
  /** Infinity: may not go. */
  worth: (instance: InstanceView) => number;
}

/** The decision with the instance's id in place of the instance. */
type Decision =
  | { kind: 'use' | 'load' | 'evict'; instanceId: string }
  | { kind: 'start' }
  | { kind: 'wait'; claims: string | null };

function decide(
  need: Need,
  { instances, claimed, limits: given, waiting, atOnce, now, worth }: Situation,
): Decision {
  const offer: Offer<InstanceView> = {
    now,
    instances,
    isClaimed: ({ id }) => claimed.has(id),
    maxInstances: () => given.maxInstances,
    maxStarting: () => given.maxStarting,
    unserved: waiting,
    atOnce: () => atOnce,
    victim: () =>
      instances
        .filter((each) => (each.state === 'idle' || each.state === 'standby') && worth(each) < Infinity)
        .sort((a, b) => worth(a) - worth(b) || a.since - b.since)[0],
  };
  const service = serve(need, offer);
  if (service.kind === 'start') return service;
  if (service.kind === 'wait') return { kind: 'wait', claims: service.instance?.id ?? null };
  return { kind: service.kind, instanceId: service.instance.id };
}

interface Row {
  title: string;
  instances?: InstanceView[];
  request?: Partial<Need>;
  snapshot?: Partial<Situation>;
  decision: Decision;
}

const table: Row[] = [
  { title: 'starts when there is nothing', decision: { kind: 'start' } },
  {
    title: 'uses a loaded one before a standby',
    instances: [named('s', 'standby'), named('l', 'idle')],
    decision: { kind: 'use', instanceId: 'l' },
  },
  {
    title: 'uses a warm one before a loaded one when reuse is allowed',
    instances: [named('w', 'idle', { calls: 1, since: 1 }), named('l', 'idle', { since: 9 })],
    request: { reuse: true },
    decision: { kind: 'use', instanceId: 'w' },
  },
  {
    title: 'never uses one that was called before when reuse is not allowed',
    instances: [named('w', 'idle', { calls: 1 })],
    decision: { kind: 'start' },
  },
  {
    title: 'uses the most recently used warm one',
    instances: [
      named('a', 'idle', { calls: 5, since: 10 }),
      named('b', 'idle', { calls: 1, since: 20 }),
      named('c', 'idle', { calls: 2, since: 15 }),
    ],
    request: { reuse: true },
    decision: { kind: 'use', instanceId: 'b' },
  },
  {
    title: 'does not use one that holds other code',
    instances: [named('o', 'idle', { codeKey: 'other' })],
    decision: { kind: 'start' },
  },
  {
    title: 'does not use one whose container has another profile: the setting timeoutMs makes no new version',
    instances: [
      named('o', 'idle', { profileKey: 'q' }),
      named('l', 'loading', { profileKey: 'q', intendedFor: 'c' }),
    ],
    decision: { kind: 'start' },
  },
  {
    title: 'loads the standby that has waited longest',
    instances: [named('new', 'standby', { since: 20 }), named('old', 'standby', { since: 10 })],
    decision: { kind: 'load', instanceId: 'old' },
  },
  {
    title: 'does not load a standby of another profile',
    instances: [named('s', 'standby', { profileKey: 'q' })],
    decision: { kind: 'start' },
  },
  {
    title: 'waits for a start nobody ahead has a claim on',
    instances: [named('s', 'starting')],
    decision: { kind: 'wait', claims: 's' },
  },
  {
    title: 'starts when the start under way is claimed',
    instances: [named('s', 'starting')],
    snapshot: { claimed: new Set(['s']) },
    decision: { kind: 'start' },
  },
  {
    title: 'starts when the start under way is of another profile',
    instances: [instance('starting', { profileKey: 'q' })],
    decision: { kind: 'start' },
  },
  {
    title: 'starts when the start under way is meant for other code',
    instances: [instance('starting', { intendedFor: 'o' })],
    decision: { kind: 'start' },
  },
  {
    title: 'waits for the start that is meant for its code',
    instances: [named('s', 'starting', { intendedFor: 'c' })],
    decision: { kind: 'wait', claims: 's' },
  },
  {
    title: 'waits for one that is being loaded ahead with its code rather than load a standby',
    instances: [named('s', 'standby'), named('l', 'loading', { intendedFor: 'c' })],
    decision: { kind: 'wait', claims: 'l' },
  },
  {
    title: 'loads a standby when the one being loaded ahead is claimed',
    instances: [named('s', 'standby'), named('l', 'loading', { intendedFor: 'c' })],
    snapshot: { claimed: new Set(['l']) },
    decision: { kind: 'load', instanceId: 's' },
  },
  {
    title: 'does not wait for one that is being loaded for a call of its own',
    instances: [named('l', 'loading')],
    decision: { kind: 'start' },
  },
  {
    title: 'does not load a standby that is meant for other code',
    instances: [named('s', 'standby', { intendedFor: 'o' })],
    decision: { kind: 'start' },
  },
  {
    title: 'waits when as many start as may',
    instances: [named('a', 'starting'), named('b', 'starting')],
    snapshot: { claimed: new Set(['a', 'b']) },
    decision: { kind: 'wait', claims: null },
  },
  {
    title: 'does not evict when as many start as may',
    instances: [
      named('a', 'starting'),
      named('b', 'starting'),
      instance('idle', { codeKey: 'other' }),
      instance('busy'),
    ],
    snapshot: { claimed: new Set(['a', 'b']) },
    decision: { kind: 'wait', claims: null },
  },
  { title: 'waits when all are busy', instances: busy(4), decision: { kind: 'wait', claims: null } },
  {
    title: 'counts loading and stopping ones as taking a place',
    instances: [instance('loading'), instance('stopping'), ...busy(2)],
    decision: { kind: 'wait', claims: null },
  },
  {
    title: 'evicts the one worth least when full',
    instances: [
      named('x', 'idle', { codeKey: 'o', since: 10 }),
      named('y', 'standby', { profileKey: 'q', since: 20 }),
      ...busy(2),
    ],
    snapshot: { worth: ({ id }) => (id === 'y' ? 1 : 2) },
    decision: { kind: 'evict', instanceId: 'y' },
  },
  {
    title: 'evicts the one idle longest of those worth the same',
    instances: [
      named('x', 'idle', { codeKey: 'o', since: 20 }),
      named('y', 'standby', { profileKey: 'q', since: 10 }),
      ...busy(2),
    ],
    decision: { kind: 'evict', instanceId: 'y' },
  },
  {
    title: 'does not evict what must stay',
    instances: [named('x', 'idle', { codeKey: 'o' }), ...busy(3)],
    snapshot: { worth: () => Infinity },
    decision: { kind: 'wait', claims: null },
  },
  {
    title: 'does not evict when one that is being stopped makes room',
    instances: [instance('stopping'), instance('idle', { codeKey: 'o' }), ...busy(2)],
    decision: { kind: 'wait', claims: null },
  },
  {
    title: 'evicts another when the room being made is for a request ahead',
    instances: [instance('stopping'), named('x', 'idle', { codeKey: 'o' }), ...busy(2)],
    snapshot: { waiting: 1 },
    decision: { kind: 'evict', instanceId: 'x' },
  },
  {
    title: 'evicts none when as many are being stopped as may start',
    instances: [instance('stopping'), instance('stopping'), named('x', 'idle', { codeKey: 'o' }), ...busy(1)],
    snapshot: { waiting: 9 },
    decision: { kind: 'wait', claims: null },
  },
  {
    title: 'waits for a warm one when as many calls run as the cores can use',
    instances: [
      instance('busy', { calls: 9 }),
      instance('busy', { calls: 9 }),
      named('w', 'idle', { calls: 9 }),
    ],
    request: { reuse: true },
    snapshot: { atOnce: atMost(2) },
    decision: { kind: 'wait', claims: null },
  },
  {
    title: 'starts no more instances than calls may run at once',
    instances: [instance('busy', { calls: 9 }), instance('loading')],
    request: { reuse: true },
    snapshot: { atOnce: atMost(2) },
    decision: { kind: 'wait', claims: null },
  },
  {
    title: 'uses a warm one while fewer calls run than may at once',
    instances: [instance('busy', { calls: 9 }), named('w', 'idle', { calls: 9 })],
    request: { reuse: true },
    snapshot: { atOnce: atMost(2) },
    decision: { kind: 'use', instanceId: 'w' },
  },
  {
    title: 'uses a warm one while as many calls run as may at once and one of them is slow',
    instances: [
      instance('busy', { calls: 9, since: 1_000 }),
      instance('busy', { calls: 9, since: 1_001 }),
      named('w', 'idle', { calls: 9 }),
    ],
    request: { reuse: true },
    snapshot: { atOnce: atMost(2), now: 2_000 },
    decision: { kind: 'use', instanceId: 'w' },
  },
  {
    title: 'starts an instance while as many calls run as may at once and one of them is slow',
    instances: [instance('busy', { calls: 9, since: 1_000 }), instance('busy', { calls: 9, since: 1_001 })],
    request: { reuse: true },
    snapshot: { atOnce: atMost(2), now: 2_000 },
    decision: { kind: 'start' },
  },
];

for (const { title, instances = [], request = {}, snapshot = {}, decision } of table)
  test(`a call ${title}`, (t) => {
    t.deepEqual(
      decide(
        { profileKey: 'p', codeKey: 'c', reuse: false, ...request },
        {
          instances,
          claimed: new Set(),
          limits,
          waiting: 0,
          atOnce: UNBOUNDED,
          now: 0,
          worth: () => 1,
          ...snapshot,
        },
      ),
      decision,
    );
  });

const view = fc.record({
  state: fc.constantFrom(...INSTANCE_STATES.filter((state) => state !== 'stopped')),
  profileKey: fc.constantFrom('p', 'q'),
  codeKey: fc.constantFrom('c', 'd'),
  intended: fc.constantFrom(null, 'c', 'd'),
  calls: fc.nat(2),
  since: fc.nat(100),
  claimed: fc.boolean(),
  worth: fc.constantFrom(0, 1, 2, Infinity),
});

const situation = fc.record({
  request: fc.record({
    profileKey: fc.constantFrom('p', 'q'),
    codeKey: fc.constantFrom('c', 'd'),
    reuse: fc.boolean(),
  }),
  views: fc.array(view, { maxLength: 8 }),
  waiting: fc.nat(4),
  limits: fc.record({
    maxInstances: fc.integer({ min: 1, max: 8 }),
    maxStarting: fc.integer({ min: 1, max: 4 }),
  }),
});

test('an instance that was idle for long and gets a call in this pass is not in a slow call', (t) => {
  const idle = ['first', 'second', 'third'].map((id) => named(id, 'idle', { calls: 9, since: 1 }));
  const requests = [1, 2, 3, 4].map((id) => requestView(id, { reuse: true }));
  const functions = [functionView({ reuse: true, atOnce: atMost(2) })];
  const actions = decideAll(
    snapshot({ now: 1e6, instances: idle, requests, functions, mayRefill: false, quiet: false }),
  );
  t.deepEqual(words(actions), ['use 1 first', 'use 2 second', 'wait 3 -', 'wait 4 -']);
});

test('a call keeps its promises in any situation', (t) => {
  fc.assert(
    fc.property(situation, ({ request, views, waiting, limits: given }) => {
      const instances: InstanceView[] = views.map(({ intended, ...each }, index) => ({
        ...each,
        id: String(index),
        codeKey: each.state === 'starting' || each.state === 'standby' ? null : each.codeKey,
        intendedFor: each.state === 'idle' || each.state === 'busy' ? null : intended,
      }));
      const claimed = new Set(instances.flatMap(({ id }) => (views[Number(id)]!.claimed ? [id] : [])));
      const worth = ({ id }: InstanceView) => views[Number(id)]!.worth;
      const decision = decide(request, {
        instances,
        claimed,
        limits: given,
        waiting,
        atOnce: UNBOUNDED,
        now: 0,
        worth,
      });
      const find = (id: string) => instances.find((each) => each.id === id)!;
      const mine = (each: InstanceView) =>
        each.profileKey === request.profileKey &&
        (each.intendedFor === null || each.intendedFor === request.codeKey);
      const starting = instances.filter(({ state }) => state === 'starting');
      const open = starting.filter((each) => mine(each) && !claimed.has(each.id));
      const usable = instances.filter(
        (each) =>
          each.state === 'idle' &&
          each.codeKey === request.codeKey &&
          each.profileKey === request.profileKey &&
          (request.reuse || each.calls === 0),
      );
      const standbys = instances.filter((each) => each.state === 'standby' && mine(each));
      const loading = instances.filter(
        (each) =>
          each.state === 'loading' &&
          each.intendedFor === request.codeKey &&
          each.profileKey === request.profileKey &&
          !claimed.has(each.id),
      );

      if (usable.length > 0) t.is(decision.kind, 'use', 'what is loaded and idle is used');
      else if (standbys.length + loading.length > 0)
        t.true(['load', 'wait'].includes(decision.kind), 'nothing is started while something fits');
      if (decision.kind === 'use') t.true(usable.includes(find(decision.instanceId)));
      if (decision.kind === 'load') t.true(standbys.includes(find(decision.instanceId)));
      if (decision.kind === 'use' && !request.reuse) t.is(find(decision.instanceId).calls, 0);
      if (decision.kind === 'start') {
        t.true(instances.length < given.maxInstances);
        t.true(starting.length < given.maxStarting);
        t.is(open.length, 0, 'a start under way is not passed by');
      }
      if (decision.kind === 'evict') {
        t.true(['idle', 'standby'].includes(find(decision.instanceId).state));
        t.true(instances.length >= given.maxInstances, 'nobody goes while there is room');
        t.true(worth(find(decision.instanceId)) < Infinity);
      }
      if (decision.kind === 'wait') {
        if (decision.claims !== null) {
          t.false(claimed.has(decision.claims), 'nobody claims what another waits for');
          t.true([...open, ...loading].includes(find(decision.claims)));
        } else
          t.true(
            starting.length >= given.maxStarting || instances.length >= given.maxInstances,
            'who waits knows what for',
          );
      }
    }),
    { numRuns: 2_000 },
  );
});
