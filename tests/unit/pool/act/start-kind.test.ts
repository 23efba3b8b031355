import test from 'ava';
import type { Moments } from '../../../../src/instance/instance.js';
import { startKindOf, timesOf } from '../../../../src/pool/act/start-kind.js';

const cold: Moments = { created: 110, ready: 160, loadBegun: 170, loaded: 190 };
const standby: Moments = { created: 10, ready: 60, loadBegun: 110, loaded: 130 };
const loaded: Moments = { created: 10, ready: 60, loadBegun: 60, loaded: 90 };

/** All calls came at 100 and got their instance at 200. */
const table: [
  title: string,
  history: { calls: number; moments: Moments },
  kind: string,
  times: { queueMs: number; startMs: number; loadMs: number },
][] = [
  ['called before', { calls: 1, moments: loaded }, 'warm', { queueMs: 100, startMs: 0, loadMs: 0 }],
  [
    'called before, though its container was started after the call came',
    { calls: 2, moments: cold },
    'warm',
    { queueMs: 30, startMs: 50, loadMs: 20 },
  ],
  [
    'loaded before the call came',
    { calls: 0, moments: loaded },
    'loaded',
    { queueMs: 100, startMs: 0, loadMs: 0 },
  ],
  [
    'loaded at the very moment',
    { calls: 0, moments: { ...loaded, loaded: 100 } },
    'loaded',
    { queueMs: 100, startMs: 0, loadMs: 0 },
  ],
  [
    'there without code when the call came',
    { calls: 0, moments: standby },
    'standby',
    { queueMs: 80, startMs: 0, loadMs: 20 },
  ],
  [
    'being loaded ahead when the call came',
    { calls: 0, moments: { ...standby, loadBegun: 80, loaded: 130 } },
    'standby',
    { queueMs: 70, startMs: 0, loadMs: 30 },
  ],
  [
    'being started when the call came',
    { calls: 0, moments: { ...cold, created: 50 } },
    'cold',
    { queueMs: 20, startMs: 60, loadMs: 20 },
  ],
  [
    'started after the call came',
    { calls: 0, moments: cold },
    'cold',
    { queueMs: 30, startMs: 50, loadMs: 20 },
  ],
];

for (const [title, history, kind, times] of table)
  test(`an instance that was ${title} is ${kind}`, (t) => {
    t.is(startKindOf(history, 100), kind as never);
    t.deepEqual(timesOf(history, 100, 200), times);
  });

test('time that has passed is never negative', (t) => {
  t.deepEqual(timesOf({ moments: cold }, 100, 150), { queueMs: 0, startMs: 50, loadMs: 20 });
  t.deepEqual(timesOf({ moments: { created: 110, ready: null, loadBegun: null, loaded: null } }, 100, 150), {
    queueMs: 50,
    startMs: 0,
    loadMs: 0,
  });
});
