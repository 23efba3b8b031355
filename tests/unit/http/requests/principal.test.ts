import test, { type ExecutionContext } from 'ava';
import type { GlambdarError } from '../../../../src/errors.js';
import { assertMayCall, assertRole, principalOf } from '../../../../src/http/requests/principal.js';
import { ANONYMOUS, OPERATOR, type Principal, type Role } from '../../../../src/model/principal.js';

const user = (role: Role, functions: readonly string[] | null = null) => ({
  state: { principal: { ...ANONYMOUS, kind: 'key', role, functions } satisfies Principal },
});
const anonymous = { state: { principal: ANONYMOUS } };

function refused(t: ExecutionContext, check: () => void, code: string, message: string | RegExp): void {
  t.like(t.throws(check), { code } as Partial<GlambdarError>);
  t.throws(check, { message });
}

test('a request whose sender nobody has set does not pass for the operator', (t) => {
  t.throws(() => principalOf({ state: {} }), { message: /No middleware has set/ });
  t.throws(() => assertRole({ state: {} }, 'viewer'), { message: /No middleware has set/ });
});

test('a role that is too small is told which roles may', (t) => {
  refused(
    t,
    () => assertRole(user('viewer'), 'deployer'),
    'FORBIDDEN',
    'This needs the role deployer or admin; yours is viewer.',
  );
  refused(
    t,
    () => assertRole(user('deployer'), 'admin'),
    'FORBIDDEN',
    'This needs the role admin; yours is deployer.',
  );
  t.notThrows(() => assertRole(user('deployer'), 'deployer'));
  t.notThrows(() => assertRole({ state: { principal: OPERATOR } }, 'admin'));
});

test('a request that proves nothing is told why', (t) => {
  refused(t, () => assertRole(anonymous, 'viewer'), 'UNAUTHENTICATED', 'Missing authorization header');
  const expired = { state: { principal: ANONYMOUS, unproven: 'Invalid or expired token' } };
  refused(t, () => assertRole(expired, 'viewer'), 'UNAUTHENTICATED', 'Invalid or expired token');
});

test('a key that is limited to functions may call them and do nothing else', (t) => {
  const key = user('invoker', ['mine']);
  t.notThrows(() => assertMayCall(key, 'mine'));
  refused(t, () => assertMayCall(key, 'other'), 'FUNCTION_NOT_FOUND', 'Function not found!');
  refused(t, () => assertRole(key, 'viewer'), 'FORBIDDEN', /your key may call mine and do nothing else/);
});

test('a function that is marked public may be called by everybody, any other only by those who may call', (t) => {
  const yes = (): boolean => true;
  for (const ctx of [anonymous, user('viewer'), user('invoker', ['other'])]) {
    t.notThrows(() => assertMayCall(ctx, 'f', yes));
    t.throws(() => assertMayCall(ctx, 'f'));
  }
  t.notThrows(() => assertMayCall(user('invoker'), 'f'));
});
