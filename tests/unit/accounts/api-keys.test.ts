import test, { type ExecutionContext } from 'ava';
import type { Principal } from '../../../src/model/principal.js';
import { AccountsFixture } from './accounts-fixture.js';

const INVALID = { unproven: 'Invalid or expired token' };

async function signedIn(t: ExecutionContext, fixture: AccountsFixture, name = 'ada'): Promise<Principal> {
  const { token } = await fixture.register(name);
  const principal = await fixture.accounts.authentication.authenticate(token);
  if ('unproven' in principal) throw new Error(principal.unproven);
  t.is(principal.kind, 'user');
  return principal;
}

test('a key is 32 random bytes, shown once, of which the digest is kept', async (t) => {
  const fixture = new AccountsFixture();
  const ada = await signedIn(t, fixture);
  const { text, record } = await fixture.accounts.keys.create(ada, { name: 'ci' });
  t.regex(text, /^glm_[A-Za-z0-9_-]{43}$/);
  t.notRegex(
    JSON.stringify([await fixture.store.keys(), fixture.auditStore.records]),
    new RegExp(text.slice(4)),
  );
  t.like(record, { name: 'ci', role: 'deployer', namespace: ada.id, userId: ada.id, functions: null });
  t.like(await fixture.accounts.authentication.authenticate(text), {
    kind: 'key',
    id: record.id,
    user: ada.id,
  });
});

test('a key never has more than its maker', async (t) => {
  const fixture = new AccountsFixture();
  const ada = await signedIn(t, fixture);
  const { keys } = fixture.accounts;
  t.like(await t.throwsAsync(keys.create(ada, { name: 'k', role: 'admin' })), { code: 'FORBIDDEN' });
  const { record } = await keys.create(ada, { name: 'k', role: 'viewer' });
  t.like(await t.throwsAsync(keys.change(ada, record.id, { role: 'admin' })), { code: 'FORBIDDEN' });
  t.is((await keys.change(ada, record.id, { role: 'invoker' })).role, 'invoker');
  t.is((await keys.create({ ...ada, role: 'viewer' }, { name: 'k' })).record.role, 'viewer');
});

test('a key with scopes calls those functions and does nothing else', async (t) => {
  const fixture = new AccountsFixture();
  const ada = await signedIn(t, fixture);
  const { keys, authentication } = fixture.accounts;
  const { text, record } = await keys.create(ada, {
    name: 'k',
    scopes: ['invoke:f', 'invoke:g', 'invoke:f'],
  });
  t.like(await authentication.authenticate(text), { role: 'invoker', functions: ['f', 'g'] });
  t.like(await t.throwsAsync(keys.create(ada, { name: 'k', scopes: ['invoke:f'], role: 'deployer' })), {
    code: 'INVALID_REQUEST',
  });
  t.like(await t.throwsAsync(keys.change(ada, record.id, { role: 'deployer' })), { code: 'INVALID_REQUEST' });
});

test('what a key is made of is checked', async (t) => {
  const fixture = new AccountsFixture();
  const ada = await signedIn(t, fixture);
  for (const wrong of [
    {},
    { name: '' },
    { name: ' ' },
    { name: 'x'.repeat(101) },
    { name: 'a\0b' },
    { name: 7 },
    { name: 'k', role: 'root' },
    { name: 'k', role: null },
    { name: 'k', scopes: [] },
    { name: 'k', scopes: ['f'] },
    { name: 'k', scopes: ['invoke:../f'] },
    { name: 'k', scopes: ['invoke:'] },
    { name: 'k', scopes: 'invoke:f' },
    { name: 'k', scopes: ['invoke:f', 7] },
    { name: 'k', expiresAt: 'tomorrow' },
    { name: 'k', expiresAt: '2025-01-01T00:00:00Z' },
    { name: 'k', expiresAt: 5 },
    { name: 'k', namespace: 'default' },
  ])
    t.like(
      await t.throwsAsync(fixture.accounts.keys.create(ada, wrong)),
      { code: 'INVALID_REQUEST' },
      JSON.stringify(wrong),
    );
});

test('a key ends at its time, also while it is remembered', async (t) => {
  const fixture = new AccountsFixture();
  const ada = await signedIn(t, fixture);
  const expiresAt = new Date(fixture.time + 500).toISOString();
  const { text } = await fixture.accounts.keys.create(ada, { name: 'k', expiresAt });
  const { authentication } = fixture.accounts;
  t.like(await authentication.authenticate(text), { kind: 'key' });
  fixture.time += 499;
  t.like(authentication.authenticate(text), { kind: 'key' }, 'without waiting');
  fixture.time += 1;
  t.deepEqual(await authentication.authenticate(text), INVALID);
});

test('a key that is removed is over at once', async (t) => {
  const fixture = new AccountsFixture();
  const ada = await signedIn(t, fixture);
  const { keys, authentication } = fixture.accounts;
  const { text, record } = await keys.create(ada, { name: 'k' });
  await authentication.authenticate(text);
  await keys.remove(ada, record.id);
  t.deepEqual(await authentication.authenticate(text), INVALID);
  t.like(await t.throwsAsync(keys.remove(ada, record.id)), { code: 'NOT_FOUND' });
});

test('keys of others are as if they were not there', async (t) => {
  const fixture = new AccountsFixture();
  const [ada, bob] = [await signedIn(t, fixture), await signedIn(t, fixture, 'bob')];
  const { keys } = fixture.accounts;
  const { record } = await keys.create(ada, { name: 'k' });
  t.deepEqual(await keys.list(bob), []);
  for (const id of [record.id, 'nobody']) {
    t.like(await t.throwsAsync(keys.change(bob, id, { name: 'x' })), {
      code: 'NOT_FOUND',
      message: 'There is no such key; GET /auth/keys lists them.',
    });
    t.like(await t.throwsAsync(keys.remove(bob, id)), {
      code: 'NOT_FOUND',
      message: 'There is no such key; GET /auth/keys lists them.',
    });
  }
  t.is((await keys.list(ada)).length, 1);
  t.is((await keys.list({ ...bob, role: 'admin' })).length, 1);
});

test('a key manages no keys, unless it is an admin’s', async (t) => {
  const fixture = new AccountsFixture();
  const ada = await signedIn(t, fixture);
  const { keys, authentication } = fixture.accounts;
  const { text } = await keys.create(ada, { name: 'k', role: 'deployer' });
  const key = (await authentication.authenticate(text)) as Principal;
  for (const work of [keys.create(key, { name: 'x' }), keys.list(key), keys.remove(key, key.id)])
    t.like(await t.throwsAsync(work), { code: 'FORBIDDEN' });
  const admin = (await authentication.authenticate((await fixture.accounts.firstAdminKey())!)) as Principal;
  t.like((await keys.create(admin, { name: 'x', role: 'admin' })).record, {
    userId: null,
    namespace: 'default',
  });
});

test('an admin makes a key for another namespace, which ends with the admin’s role', async (t) => {
  const fixture = new AccountsFixture();
  const [ada, bob] = [await signedIn(t, fixture), await signedIn(t, fixture, 'bob')];
  const { keys, users, authentication } = fixture.accounts;
  const admin: Principal = { ...ada, role: 'admin', namespace: bob.id };
  await users.change(ada.id, { role: 'admin' });
  const { text } = await keys.create(admin, { name: 'k', role: 'viewer' });
  t.like(await authentication.authenticate(text), { namespace: bob.id, role: 'viewer', user: ada.id });
  await users.change(ada.id, { role: 'deployer' });
  t.deepEqual(await authentication.authenticate(text), INVALID);
});

test('nobody makes keys without end', async (t) => {
  const fixture = new AccountsFixture();
  const ada = await signedIn(t, fixture);
  // At once, as somebody would ask who tries to have more.
  const made = await Promise.allSettled(
    Array.from({ length: 105 }, (_, n) => fixture.accounts.keys.create(ada, { name: `k${n}` })),
  );
  t.is(made.filter(({ status }) => status === 'fulfilled').length, 100);
  t.like(await t.throwsAsync(fixture.accounts.keys.create(ada, { name: 'one more' })), { code: 'CONFLICT' });
});

test('the first admin key is made once', async (t) => {
  const fixture = new AccountsFixture();
  const text = await fixture.accounts.firstAdminKey();
  t.like(await fixture.accounts.authentication.authenticate(text!), {
    role: 'admin',
    namespace: 'default',
    mayBridge: true,
  });
  t.is(await fixture.accounts.firstAdminKey(), undefined);
  t.deepEqual(fixture.actions, ['key.create']);
});

test('the last use of a key is written some time later, and at the end', async (t) => {
  const fixture = new AccountsFixture();
  const ada = await signedIn(t, fixture);
  const { text, record } = await fixture.accounts.keys.create(ada, { name: 'k' });
  const { authentication } = fixture.accounts;
  await authentication.authenticate(text);
  t.is((await fixture.store.key(record.id))?.lastUsedAt, null);
  fixture.clock.move(60_000);
  t.is((await fixture.store.key(record.id))?.lastUsedAt, fixture.time);
  fixture.time += 5;
  await authentication.authenticate(text);
  await fixture.accounts.close();
  t.is((await fixture.store.key(record.id))?.lastUsedAt, fixture.time);
});
