import test from 'ava';
import { StoreError } from '../../../src/model/store-error.js';
import { AccountsFixture } from './accounts-fixture.js';

const INVALID = { unproven: 'Invalid or expired token' };

test('what was verified a moment ago is known without waiting, and verified again after a second', async (t) => {
  const fixture = new AccountsFixture();
  const { authentication } = fixture.accounts;
  const { token, user } = await fixture.register('ada');
  t.true(authentication.authenticate(token) instanceof Promise);
  await authentication.authenticate(token);
  t.like(authentication.authenticate(token), { id: user.id });
  // Another process changes the store.
  await fixture.store.removeUser(user.id);
  fixture.time += 999;
  t.like(authentication.authenticate(token), { id: user.id });
  fixture.time += 1;
  t.deepEqual(await authentication.authenticate(token), { unproven: 'User not found' });
});

test('a token is over at its end, also while it is remembered', async (t) => {
  const fixture = new AccountsFixture();
  const { authentication } = fixture.accounts;
  const { token } = await fixture.register('ada');
  fixture.time += 86_400_000 - 500;
  await authentication.authenticate(token);
  t.like(authentication.authenticate(token), { kind: 'user' });
  fixture.time += 500;
  t.deepEqual(await authentication.authenticate(token), INVALID);
});

test('a clock that is set back does not lengthen what is remembered', async (t) => {
  const fixture = new AccountsFixture();
  const { authentication } = fixture.accounts;
  const { token } = await fixture.register('ada');
  await authentication.authenticate(token);
  fixture.time -= 1_000;
  t.true(authentication.authenticate(token) instanceof Promise);
});

test('a verification that a change overtakes is not remembered', async (t) => {
  const fixture = new AccountsFixture();
  const { authentication, users } = fixture.accounts;
  const { token, user } = await fixture.register('ada');
  // The user is read, and removed before the reader goes on.
  const read = fixture.store.user.bind(fixture.store);
  fixture.store.user = async (id) => {
    const found = await read(id);
    fixture.store.user = read;
    await users.remove(user.id);
    return found;
  };
  await authentication.authenticate(token);
  t.deepEqual(await authentication.authenticate(token), { unproven: 'User not found' });
});

test('texts that are no tokens and no keys are nobody’s', async (t) => {
  const { authentication } = new AccountsFixture().accounts;
  for (const text of [
    '',
    'x',
    'a.b.c',
    'glm_',
    `glm_${'A'.repeat(43)}`,
    `glm_${'A'.repeat(44)}`,
    "glm_' OR 1=1 --",
  ])
    t.deepEqual(await authentication.authenticate(text), INVALID, text);
});

test('nobody is let in while the store fails', async (t) => {
  const fixture = new AccountsFixture();
  const { token } = await fixture.register('ada');
  fixture.store.failure = new StoreError('The disk failed to read or write.', { full: false });
  await t.throwsAsync(async () => fixture.accounts.authentication.authenticate(token), {
    instanceOf: StoreError,
  });
});

test('a line of the audit log that cannot be written is logged, and nothing else fails', async (t) => {
  const fixture = new AccountsFixture();
  fixture.auditStore.append = async () => {
    throw new StoreError('The disk is full.', { full: true });
  };
  await t.notThrowsAsync(fixture.register('ada'));
  t.is(fixture.warnings.length, 1);
});
