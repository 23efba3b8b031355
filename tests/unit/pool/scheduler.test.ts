import test from 'ava';
import fc from 'fast-check';
import { INSTANCE_STATES, type InstanceState } from '../../../src/pool/instance-state.js';
import {
  decide,
  type Decision,
  type InstanceView,
  type SchedulerRequest,
  type SchedulerSnapshot,
} from '../../../src/pool/scheduler.js';

const limits = { maxInstances: 4, maxStarting: 2, maxWaiting: 2 };
let made = 0;

/** `p` is the profile and `c` the code the requests of the table ask for. */
function instance(state: InstanceState, fields: Partial<InstanceView> = {}): InstanceView {
  made += 1;
  const holds = state === 'idle' || state === 'busy' || state === 'loading';
  return {
    id: `i${made}`,
    state,
    profileKey: 'p',
    codeKey: holds ? 'c' : null,
    calls: 0,
    since: made,
    ...fields,
  };
}

const busy = (count: number) => Array.from({ length: count }, () => instance('busy'));
const named = (id: string, state: InstanceState, fields: Partial<InstanceView> = {}) =>
  instance(state, { id, ...fields });

interface Row {
  title: string;
  instances?: InstanceView[];
  request?: Partial<SchedulerRequest>;
  snapshot?: Partial<SchedulerSnapshot>;
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
    instances: [instance('starting')],
    decision: { kind: 'wait', promised: true },
  },
  {
    title: 'starts when the start under way is promised',
    instances: [instance('starting')],
    snapshot: { promised: 1 },
    decision: { kind: 'start' },
  },
  {
    title: 'starts when the start under way is of another profile',
    instances: [instance('starting', { profileKey: 'q' })],
    decision: { kind: 'start' },
  },
  {
    title: 'waits when as many start as may',
    instances: [instance('starting'), instance('starting')],
    snapshot: { promised: 2 },
    decision: { kind: 'wait', promised: false },
  },
  {
    title: 'does not evict when as many start as may',
    instances: [
      instance('starting'),
      instance('starting'),
      instance('idle', { codeKey: 'other' }),
      instance('busy'),
    ],
    snapshot: { promised: 2 },
    decision: { kind: 'wait', promised: false },
  },
  { title: 'waits when all are busy', instances: busy(4), decision: { kind: 'wait', promised: false } },
  {
    title: 'counts loading and stopping ones as taking a place',
    instances: [instance('loading'), instance('stopping'), ...busy(2)],
    decision: { kind: 'wait', promised: false },
  },
  {
    title: 'evicts the one idle longest when full',
    instances: [
      named('x', 'idle', { codeKey: 'o', since: 20 }),
      named('y', 'standby', { profileKey: 'q', since: 10 }),
      ...busy(2),
    ],
    decision: { kind: 'evict', instanceId: 'y' },
  },
  {
    title: 'does not evict when one that is being stopped makes room',
    instances: [instance('stopping'), instance('idle', { codeKey: 'o' }), ...busy(2)],
    decision: { kind: 'wait', promised: false },
  },
  {
    title: 'evicts another when the room being made is for a request ahead',
    instances: [instance('stopping'), named('x', 'idle', { codeKey: 'o' }), ...busy(2)],
    snapshot: { waiting: 1 },
    decision: { kind: 'evict', instanceId: 'x' },
  },
  {
    title: 'rejects when the queue is full',
    instances: busy(4),
    snapshot: { waiting: 2 },
    decision: { kind: 'reject' },
  },
  {
    title: 'serves from what is there even when the queue is full',
    instances: [...busy(3), named('l', 'idle')],
    snapshot: { waiting: 2 },
    decision: { kind: 'use', instanceId: 'l' },
  },
];

for (const { title, instances = [], request = {}, snapshot = {}, decision } of table)
  test(`the scheduler ${title}`, (t) => {
    t.deepEqual(
      decide(
        { profileKey: 'p', codeKey: 'c', reuse: false, ...request },
        { instances, promised: 0, limits, waiting: 0, ...snapshot },
      ),
      decision,
    );
  });

const view = fc.record({
  state: fc.constantFrom(...INSTANCE_STATES.filter((state) => state !== 'stopped')),
  profileKey: fc.constantFrom('p', 'q'),
  codeKey: fc.constantFrom('c', 'd'),
  calls: fc.nat(2),
  since: fc.nat(100),
});

const situation = fc.record({
  request: fc.record({
    profileKey: fc.constantFrom('p', 'q'),
    codeKey: fc.constantFrom('c', 'd'),
    reuse: fc.boolean(),
  }),
  views: fc.array(view, { maxLength: 8 }),
  promised: fc.nat(4),
  waiting: fc.nat(4),
  limits: fc.record({
    maxInstances: fc.integer({ min: 1, max: 8 }),
    maxStarting: fc.integer({ min: 1, max: 4 }),
    maxWaiting: fc.nat(4),
  }),
});

test('the scheduler keeps its promises in any situation', (t) => {
  fc.assert(
    fc.property(situation, ({ request, views, promised, waiting, limits: given }) => {
      const instances: InstanceView[] = views.map((each, index) => ({
        ...each,
        id: String(index),
        codeKey: each.state === 'starting' || each.state === 'standby' ? null : each.codeKey,
      }));
      const decision = decide(request, { instances, promised, limits: given, waiting });
      const find = (id: string) => instances.find((each) => each.id === id)!;
      const starting = instances.filter(({ state }) => state === 'starting');
      const ours = starting.filter(({ profileKey }) => profileKey === request.profileKey);
      const fitting = instances.filter(
        (each) =>
          (each.state === 'idle' &&
            each.codeKey === request.codeKey &&
            (request.reuse || each.calls === 0)) ||
          (each.state === 'standby' && each.profileKey === request.profileKey),
      );

      if (fitting.length > 0)
        t.true(decision.kind === 'use' || decision.kind === 'load', 'what fits and is idle is used');
      if (decision.kind === 'use' || decision.kind === 'load')
        t.true(fitting.includes(find(decision.instanceId)));
      if (decision.kind === 'use' && !request.reuse) t.is(find(decision.instanceId).calls, 0);
      if (decision.kind === 'start') {
        t.true(instances.length < given.maxInstances);
        t.true(starting.length < given.maxStarting);
        t.true(ours.length <= promised, 'a start under way is not passed by');
      }
      if (decision.kind === 'evict') {
        t.true(['idle', 'standby'].includes(find(decision.instanceId).state));
        t.true(instances.length >= given.maxInstances, 'nobody goes while there is room');
      }
      if (decision.kind === 'wait') {
        const reason = decision.promised
          ? ours.length > promised
          : starting.length >= given.maxStarting || instances.length >= given.maxInstances;
        t.true(reason, 'who waits knows what for');
        if (!decision.promised) t.true(waiting < given.maxWaiting);
      }
      if (decision.kind === 'reject') t.true(waiting >= given.maxWaiting);
    }),
    { numRuns: 2_000 },
  );
});
