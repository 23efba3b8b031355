import test from 'ava';
import { isEmail, normalEmail } from '../../../src/accounts/email.js';

test('addresses that look the same are one address', (t) => {
  t.is(normalEmail('  Ada@Example.ORG '), 'ada@example.org');
  t.true(isEmail('ada@example.org'));
  for (const hidden of ['\u200b', '\u00ad', '\u202e', '\u2060', '\u0007', ' '])
    t.false(isEmail(`ada${hidden}@example.org`), JSON.stringify(hidden));
});
