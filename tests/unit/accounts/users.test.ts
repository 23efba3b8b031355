import test from 'ava';
import { AccountsFixture } from './accounts-fixture.js';

const ADDRESS = '192.0.2.1';

test('who registers is a deployer in a namespace of their own, and has signed in', async (t) => {
  const fixture = new AccountsFixture();
  const { token, user } = await fixture.accounts.users.register(' Ada@Example.ORG ', 'secret', ADDRESS);
  t.like(user, { email: 'ada@example.org', role: 'deployer', mayBridge: false });
  t.deepEqual(await fixture.accounts.authentication.authenticate(token), {
    kind: 'user',
    id: user.id,
    user: user.id,
    namespace: user.id,
    role: 'deployer',
    functions: null,
    mayBridge: false,
  });
  t.deepEqual(fixture.actions, ['user.register']);
  t.notRegex(JSON.stringify(fixture.auditStore.records), /secret/);
});

const refused: [email: unknown, password: unknown, message: string | RegExp][] = [
  [undefined, 'secret', 'Email and password are required'],
  ['a@b', undefined, 'Email and password are required'],
  ['', 'secret', 'Email and password are required'],
  ['  ', 'secret', 'Email and password are required'],
  ['a@b', '', 'Email and password are required'],
  [{ $ne: '' }, 'secret', 'Email and password are required'],
  ['a@b', ['secret'], 'Email and password are required'],
  ['a@b', 'five5', 'Password must be at least 6 characters'],
  ['a@b', '😀😀😀😀😀', 'Password must be at least 6 characters'],
  ['a@b', 'x'.repeat(1025), /at most 1024/],
  ['no address', 'secret', /must be an address/],
  ['a\0@b', 'secret', /must be an address/],
  [`${'a'.repeat(250)}@b.org`, 'secret', /must be an address/],
];

for (const [email, password, message] of refused)
  test(`registering ${JSON.stringify(email)?.slice(0, 30)} with ${JSON.stringify(password)?.slice(0, 30)} is refused`, async (t) => {
    const fixture = new AccountsFixture();
    const error = await t.throwsAsync(fixture.accounts.users.register(email, password, ADDRESS), { message });
    t.like(error, { code: 'INVALID_REQUEST' });
    t.deepEqual(await fixture.store.users(), []);
  });

test('an address registers once, however it is written and however many try at the same time', async (t) => {
  const fixture = new AccountsFixture();
  const forms = ['ada@example.org', 'ADA@example.org', ' ada@example.org', 'ａda@example.org'];
  const results = await Promise.allSettled(
    forms.map((email) => fixture.accounts.users.register(email, 'secret', ADDRESS)),
  );
  t.is(results.filter(({ status }) => status === 'fulfilled').length, 1);
  for (const result of results)
    if (result.status === 'rejected')
      t.like(result.reason, { code: 'CONFLICT', message: 'Email already registered' });
});

test('nobody registers where registration is off', async (t) => {
  const fixture = new AccountsFixture({ registration: false });
  t.like(await t.throwsAsync(fixture.register('ada')), { code: 'FORBIDDEN' });
});

test('a wrong password and an unknown address get the same answer', async (t) => {
  const fixture = new AccountsFixture();
  await fixture.register('ada');
  const { users } = fixture.accounts;
  t.like((await users.signIn('Ada@Example.org', 'password', ADDRESS)).user, { email: 'ada@example.org' });
  for (const [email, password] of [
    ['ada@example.org', 'passwore'],
    ['bob@example.org', 'password'],
  ])
    t.like(await t.throwsAsync(users.signIn(email, password, ADDRESS)), {
      code: 'UNAUTHENTICATED',
      message: 'Invalid credentials',
    });
  t.deepEqual(fixture.actions, ['user.register', 'sign-in', 'sign-in.failed', 'sign-in.failed']);
});

test('a text in the place of the address that is none does not get into the audit log', async (t) => {
  const fixture = new AccountsFixture();
  await t.throwsAsync(fixture.accounts.users.signIn('my password', 'x', ADDRESS));
  t.is(fixture.auditStore.records[0]!.target, '(no address)');
});

test('guessing gets slower, for the right password too, and a right one in time ends it', async (t) => {
  const fixture = new AccountsFixture();
  await fixture.register('ada');
  const { users } = fixture.accounts;
  const signIn = (password: string) => users.signIn('ada@example.org', password, ADDRESS);
  for (let guess = 0; guess < 5; guess += 1) await t.throwsAsync(signIn('wrong'));
  t.like(await t.throwsAsync(signIn('password')), { code: 'RATE_LIMITED', retryAfterSeconds: 1 });
  fixture.clock.move(1_000);
  await t.notThrowsAsync(signIn('password'));
  await t.throwsAsync(signIn('wrong'), { message: 'Invalid credentials' });
});

test('a text that is no address is no way to guess at an account', async (t) => {
  const fixture = new AccountsFixture();
  const { user } = await fixture.register('ada');
  // A store that compares less than the whole text.
  fixture.store.userByEmail = () => fixture.store.user(user.id);
  for (const email of [
    'ada@example.org\0',
    'ada@example.org\0x',
    'ada@example.org\u200bx',
    'ada @example.org',
  ])
    await t.throwsAsync(fixture.accounts.users.signIn(email, 'password', ADDRESS), {
      message: 'Invalid credentials',
    });
});

test('signing out ends all tokens of the user at once, and no keys', async (t) => {
  const fixture = new AccountsFixture();
  const { users, keys, authentication } = fixture.accounts;
  const { token, user } = await fixture.register('ada');
  const again = await users.signIn('ada@example.org', 'password', ADDRESS);
  const principal = await authentication.authenticate(token);
  if ('unproven' in principal) return t.fail();
  const { text } = await keys.create(principal, { name: 'k' });
  await authentication.authenticate(text);
  await users.signOut(user.id);
  for (const old of [token, again.token])
    t.deepEqual(await authentication.authenticate(old), { unproven: 'Invalid or expired token' });
  t.like(await authentication.authenticate(text), { kind: 'key' });
  const fresh = await users.signIn('ada@example.org', 'password', ADDRESS);
  t.like(await authentication.authenticate(fresh.token), { kind: 'user' });
});

test('removing a user ends their tokens and keys at once', async (t) => {
  const fixture = new AccountsFixture();
  const { users, keys, authentication } = fixture.accounts;
  const { token, user } = await fixture.register('ada');
  const principal = await authentication.authenticate(token);
  if ('unproven' in principal) return t.fail();
  const { text } = await keys.create(principal, { name: 'k' });
  await authentication.authenticate(text);
  await users.remove(user.id);
  t.deepEqual(await authentication.authenticate(token), { unproven: 'User not found' });
  t.deepEqual(await authentication.authenticate(text), { unproven: 'Invalid or expired token' });
  t.like(await t.throwsAsync(users.remove(user.id)), { code: 'NOT_FOUND' });
});

test('a change of role counts for tokens and keys that are in use', async (t) => {
  const fixture = new AccountsFixture();
  const { users, keys, authentication } = fixture.accounts;
  const { token, user } = await fixture.register('ada');
  const principal = await authentication.authenticate(token);
  if ('unproven' in principal) return t.fail();
  const { text } = await keys.create(principal, { name: 'k', role: 'deployer' });
  await users.change(user.id, { role: 'viewer', mayBridge: true });
  t.like(await authentication.authenticate(token), { role: 'viewer', mayBridge: true });
  t.like(await authentication.authenticate(text), { role: 'viewer', mayBridge: true });
  await users.change(user.id, { role: 'admin', mayBridge: false });
  t.like(await authentication.authenticate(token), { role: 'admin', mayBridge: true });
  t.like(await authentication.authenticate(text), { role: 'deployer', mayBridge: false });
});
