/** Owns what every `AccountStore` must do. Each implementation runs it from a test file of its own. */
import test, { type ExecutionContext } from 'ava';
import type { KeyRecord, UserRecord } from '../../../src/model/account/account.js';
import type { AccountStore } from '../../../src/store/account-store.js';

export function user(id: string, overrides: Partial<UserRecord> = {}): UserRecord {
  return {
    id,
    email: `${id}@example.org`,
    passwordHash: 'scrypt$1$1$1$AA==$AA==',
    role: 'deployer',
    mayBridge: false,
    generation: 0,
    createdAt: 1,
    ...overrides,
  };
}

export function key(id: string, overrides: Partial<KeyRecord> = {}): KeyRecord {
  return {
    id,
    name: `key ${id} €`,
    digest: `digest of ${id}`,
    userId: null,
    namespace: 'default',
    role: 'invoker',
    functions: null,
    expiresAt: null,
    createdAt: 1,
    lastUsedAt: null,
    ...overrides,
  };
}

/** @param open an empty store */
export function accountStoreContract(
  subject: string,
  open: (t: ExecutionContext) => AccountStore | Promise<AccountStore>,
): void {
  test(`${subject} is empty when new`, async (t) => {
    const store = await open(t);
    t.deepEqual(await store.users(), []);
    t.deepEqual(await store.keys(), []);
    t.is(await store.user('a'), undefined);
    t.is(await store.userByEmail('a@example.org'), undefined);
    t.is(await store.key('a'), undefined);
    t.is(await store.keyByDigest('a'), undefined);
    t.is(await store.changeUser('a', { role: 'admin' }), undefined);
    t.is(await store.changeKey('a', { name: 'b' }), undefined);
    t.false(await store.removeUser('a'));
    t.false(await store.removeKey('a'));
    t.false(await store.hasAdmin());
  });

  test(`${subject} keeps the ids of removed users`, async (t) => {
    const store = await open(t);
    for (const id of ['a', 'b', 'c']) await store.addUser(user(id));
    t.deepEqual(await store.removedUsers(), []);
    for (const id of ['b', 'b', 'a', 'nobody']) await store.removeUser(id);
    t.deepEqual((await store.removedUsers()).sort(), ['a', 'b']);
  });

  test(`${subject} finds nothing by a text that only begins like the one that is looked for`, async (t) => {
    const store = await open(t);
    await store.addUser(user('a'));
    await store.addKey(key('k', { userId: 'a' }));
    for (const more of ['\0', '\0b', ' ', 'b']) {
      t.is(await store.user(`a${more}`), undefined);
      t.is(await store.userByEmail(`a@example.org${more}`), undefined);
      t.is(await store.changeUser(`a${more}`, { role: 'admin' }), undefined);
      await store.endTokens(`a${more}`);
      t.false(await store.removeUser(`a${more}`));
      t.is(await store.key(`k${more}`), undefined);
      t.is(await store.keyByDigest(`digest of k${more}`), undefined);
      t.deepEqual(await store.keys(`a${more}`), []);
      t.is(await store.changeKey(`k${more}`, { role: 'admin' }), undefined);
      t.false(await store.removeKey(`k${more}`));
    }
    t.deepEqual(await store.users(), [user('a')]);
    t.deepEqual(await store.keys(), [key('k', { userId: 'a' })]);
  });

  test(`${subject} returns users and keys as they were given, the first made first`, async (t) => {
    const store = await open(t);
    const users = [user('b', { createdAt: 2, mayBridge: true }), user('a', { createdAt: 3, role: 'admin' })];
    for (const each of users) t.is(await store.addUser(each), 'stored');
    t.deepEqual(await store.users(), users);
    t.deepEqual(await store.user('a'), users[1]);
    t.deepEqual(await store.userByEmail('b@example.org'), users[0]);
    const keys = [
      key('y', { functions: ['f', 'g'], createdAt: 2, expiresAt: 9 }),
      key('x', { userId: 'a', createdAt: 3 }),
    ];
    for (const each of keys) t.is(await store.addKey(each), 'stored');
    t.deepEqual(await store.keys(), keys);
    t.deepEqual(await store.keys('a'), [keys[1]!]);
    t.deepEqual(await store.keyByDigest('digest of y'), keys[0]);
  });

  test(`${subject} gives an e-mail address to one user`, async (t) => {
    const store = await open(t);
    await store.addUser(user('a'));
    t.is(await store.addUser(user('b', { email: 'a@example.org' })), 'email-taken');
    t.deepEqual(await store.users(), [user('a')]);
  });

  test(`${subject} changes what a patch names and nothing else`, async (t) => {
    const store = await open(t);
    await store.addUser(user('a'));
    t.deepEqual(await store.changeUser('a', { role: 'viewer' }), user('a', { role: 'viewer' }));
    t.deepEqual(
      await store.changeUser('a', { mayBridge: true }),
      user('a', { role: 'viewer', mayBridge: true }),
    );
    await store.endTokens('a');
    t.is((await store.user('a'))?.generation, 1);
    await store.addKey(key('k', { functions: ['f'], expiresAt: 5 }));
    t.deepEqual(
      await store.changeKey('k', { name: 'n' }),
      key('k', { functions: ['f'], expiresAt: 5, name: 'n' }),
    );
    t.deepEqual(await store.changeKey('k', { functions: null, expiresAt: null }), key('k', { name: 'n' }));
    await store.touchKeys(
      new Map([
        ['k', 77],
        ['gone', 78],
      ]),
    );
    t.is((await store.key('k'))?.lastUsedAt, 77);
  });

  test(`${subject} removes the keys of a user with the user, and takes none of a user who is gone`, async (t) => {
    const store = await open(t);
    await store.addUser(user('a'));
    await store.addKey(key('mine', { userId: 'a' }));
    await store.addKey(key('other'));
    t.true(await store.removeUser('a'));
    t.deepEqual(await store.keys(), [key('other')]);
    t.is(await store.addKey(key('late', { userId: 'a' })), 'no-user');
  });

  test(`${subject} counts keys where it stores them: several at once are never too many`, async (t) => {
    const store = await open(t);
    for (const id of ['a', 'b']) await store.addUser(user(id));
    const of = (userId: string | null) =>
      Promise.all([1, 2, 3].map((n) => store.addKey(key(`${userId} ${n}`, { userId }), 2)));
    for (const owner of ['a', 'b', null])
      t.deepEqual((await of(owner)).toSorted(), ['stored', 'stored', 'too-many']);
    t.is((await store.keys()).length, 6);
  });

  test(`${subject} knows whether there is an admin, and has one admin key of its own at a time`, async (t) => {
    const store = await open(t);
    await store.addKey(key('ends', { role: 'admin', expiresAt: 99 }));
    t.false(await store.hasAdmin());
    await store.addUser(user('a', { role: 'admin' }));
    t.true(await store.hasAdmin());
    await store.removeUser('a');
    await store.addKey(key('viewer', { role: 'viewer' }));
    await store.replaceServerKey(key('first', { role: 'admin' }));
    t.true(await store.hasAdmin());
    await store.replaceServerKey(key('second', { role: 'admin' }));
    t.deepEqual((await store.keys()).map(({ id }) => id).sort(), ['second', 'viewer']);
  });
}
