import test from 'ava';
import {
  INSTANCE_STATES,
  assertTransition,
  type InstanceState,
} from '../../../src/instance/instance-state.js';

const legal: [InstanceState, InstanceState][] = [
  ['starting', 'standby'],
  ['starting', 'stopping'],
  ['standby', 'loading'],
  ['standby', 'stopping'],
  ['loading', 'idle'],
  ['loading', 'stopping'],
  ['idle', 'busy'],
  ['idle', 'stopping'],
  ['busy', 'idle'],
  ['busy', 'stopping'],
  ['stopping', 'stopped'],
];

for (const from of INSTANCE_STATES)
  for (const to of INSTANCE_STATES) {
    const isLegal = legal.some(([a, b]) => a === from && b === to);
    test(`an instance ${isLegal ? 'may' : 'may not'} go from ${from} to ${to}`, (t) => {
      if (isLegal) t.notThrows(() => assertTransition(from, to));
      else
        t.throws(() => assertTransition(from, to), {
          message: `an instance cannot go from ${from} to ${to}`,
        });
    });
  }
