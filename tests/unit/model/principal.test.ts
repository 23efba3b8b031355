import test from 'ava';
import { ANONYMOUS, includesRole, OPERATOR, ROLES } from '../../../src/model/principal.js';

test('a role may do what every role before it may, and nothing of those behind it', (t) => {
  t.deepEqual(ROLES, ['viewer', 'invoker', 'deployer', 'admin']);
  for (const [index, role] of ROLES.entries())
    for (const [other, needed] of ROLES.entries()) t.is(includesRole(role, needed), index >= other);
});

test('nobody in particular has no role, and the operator has every one', (t) => {
  for (const needed of ROLES) {
    t.false(includesRole(ANONYMOUS.role, needed));
    t.true(includesRole(OPERATOR.role, needed));
  }
});
