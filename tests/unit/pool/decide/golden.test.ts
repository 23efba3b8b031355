/**
 * What was decided before serving, refilling and stopping became one function, on made-up situations: `golden/made-up.ts`
 * makes them, `golden/decisions.json` has what was decided, `golden/changed.json` where today's decision is another one
 * on purpose, and why.
 */
import { readFileSync } from 'node:fs';
import test from 'ava';
import { decide } from '../../../../src/pool/decide/decide.js';
import { serve, UNBOUNDED } from '../../../../src/pool/decide/serve.js';
import { Demands } from '../../../../src/pool/demand/demands.js';
import { profileKey } from '../../../../src/model/function/profile.js';
import { profile, workload } from '../../../helpers/pool-fixture.js';
import { BYTES, snapshotOf, words } from '../../../helpers/pool-snapshot.js';
import { madeUpHistory, madeUpRequest, type MadeUpInstance } from './golden/made-up.js';

const read = (file: string): unknown => JSON.parse(readFileSync(new URL(file, import.meta.url), 'utf8'));
const golden = read('golden/decisions.json') as Record<'requests' | 'histories', string[]>;
const changed = read('golden/changed.json') as Record<string, { now: string; why: string }>;

const NOW = 1e9;

test('a call is served as before, or changed on purpose', (t) => {
  const others: string[] = [];
  for (const [index, before] of golden.requests.entries()) {
    const { request, instances, claimed, limits, waiting, worth } = madeUpRequest(index + 1);
    const service = serve(request, {
      now: 0,
      instances,
      isClaimed: ({ id }) => claimed.includes(id),
      maxInstances: () => limits.maxInstances,
      maxStarting: () => limits.maxStarting,
      unserved: waiting,
      atOnce: () => UNBOUNDED,
      victim: () => leastWorth(instances, worth),
    });
    const name = 'instance' in service ? (service.instance?.id ?? '-') : '';
    const now = `${service.kind} ${name}`.trim();
    const key = `call ${index + 1}`;
    if (now !== (changed[key]?.now ?? before)) others.push(`${key}: ${before}  →  ${now}`);
  }
  t.deepEqual(others, []);
});

function leastWorth(instances: MadeUpInstance[], worth: Record<string, number>): MadeUpInstance | undefined {
  return instances
    .filter(({ state, id }) => (state === 'idle' || state === 'standby') && worth[id] !== Number.MAX_VALUE)
    .sort((a, b) => worth[a.id]! - worth[b.id]! || a.since - b.since)[0];
}

test('what is made ready, and what goes, is as before, or changed on purpose', (t) => {
  const keyOf = (memoryMb: number): string => profileKey({ ...profile, memoryMb });
  const others: string[] = [];
  for (const [index, before] of golden.histories.entries()) {
    const history = madeUpHistory(index + 1, keyOf, NOW);
    const demands = new Demands({
      defaultProfile: profile,
      minStandby: history.minStandby,
      keepAliveMs: 600_000,
      most: 16,
      cores: 2,
      bytesOf: () => BYTES,
    });
    for (const { key, callsPerMinute, memoryMb, standby } of history.functions) {
      const called = workload({ key, memoryMb, standby });
      demands.activate(called, callsPerMinute === 0 ? -Infinity : NOW - 60_000);
      for (let n = 1; n <= callsPerMinute; n += 1)
        demands.arrived(called, NOW - 60_000 + (n * 60_000) / callsPerMinute);
    }
    const { maxInstances, maxStarting, maxLoading } = history.limits;
    const actions = decide(
      snapshotOf(demands, NOW, {
        instances: history.instances,
        limits: {
          maxInstances,
          maxStarting,
          maxRefilling: Math.max(maxStarting, maxLoading),
          placesForCalls: 0,
        },
        memoryBudgetBytes: history.places * BYTES,
        surplusMs: 30_000,
        keepAliveMs: 600_000,
      }),
    );
    const said = words(actions);
    const stops = said
      .filter((each) => each.startsWith('stop'))
      .map((each) => each.split(' ').slice(0, 2).join(' '));
    const begun = said.filter((each) => !each.startsWith('stop'));
    const now = [...stops.sort(), ...begun]
      .join(', ')
      .replaceAll(keyOf(128), 'p')
      .replaceAll(keyOf(512), 'q');
    const then = before.replaceAll('128/1/none', 'p').replaceAll('512/1/none', 'q');
    if (now !== (changed[index + 1]?.now ?? then)) others.push(`${index + 1}: ${then}  →  ${now}`);
  }
  t.deepEqual(others, []);
});
