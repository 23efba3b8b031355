import test from 'ava';
import { Passwords } from '../../../src/accounts/passwords.js';

const cheap = { N: 2, r: 1, p: 1 };

test('a password is known by its hash, which shows nothing of it and is another one each time', async (t) => {
  const passwords = new Passwords(cheap);
  const hash = await passwords.hash('correct horse');
  t.notRegex(hash, /horse/);
  t.not(hash, await passwords.hash('correct horse'));
  t.true(await passwords.verify('correct horse', hash));
  t.false(await passwords.verify('correct horsf', hash));
  t.false(await passwords.verify('', hash));
});

test('nobody has no password', async (t) => {
  const passwords = new Passwords(cheap);
  for (const password of ['', 'password']) t.false(await passwords.verify(password, undefined));
});

test('a hash is checked at the cost with which it was made', async (t) => {
  const hash = await new Passwords(cheap).hash('password');
  t.true(await new Passwords({ N: 4, r: 2, p: 1 }).verify('password', hash));
});

test('characters that are composed of two are those of one', async (t) => {
  const passwords = new Passwords(cheap);
  t.true(await passwords.verify('cafe\u0301s', await passwords.hash('caf\u00e9s')));
});

test('a flood is refused beyond a number that wait, and the others are served', async (t) => {
  const passwords = new Passwords(cheap);
  const results = await Promise.allSettled(
    Array.from({ length: 100 }, () => passwords.verify('x', undefined)),
  );
  const served = results.filter(({ status }) => status === 'fulfilled').length;
  t.true(served >= 33 && served <= 34, `${served}`);
  for (const result of results)
    if (result.status === 'rejected') t.like(result.reason, { code: 'AT_CAPACITY', retryAfterSeconds: 5 });
  t.false(await passwords.verify('x', undefined), 'the flood is over');
});
