import test from 'ava';
import { createHmac } from 'node:crypto';
import { Tokens } from '../../../src/accounts/tokens.js';
import { SECRET } from './accounts-fixture.js';

const NOW = Date.UTC(2026, 0, 1);
const SECONDS = NOW / 1000;
const HOUR = 3600;

const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');

/** A token as anybody could make it. */
function token(header: object, claims: object, secret: Uint8Array = SECRET, hash = 'sha256'): string {
  const signed = `${encode(header)}.${encode(claims)}`;
  return `${signed}.${createHmac(hash, secret).update(signed).digest('base64url')}`;
}

const header = { alg: 'HS256', typ: 'JWT' };
const claims = { sub: 'u', iat: SECONDS, exp: SECONDS + 24 * HOUR, gen: 3 };

test('a token says whose it is for 24 hours', async (t) => {
  let now = NOW + 999;
  const tokens = new Tokens(SECRET, () => now);
  const text = await tokens.sign({ id: 'u', generation: 3 });
  t.deepEqual(JSON.parse(Buffer.from(text.split('.')[1]!, 'base64url').toString()), claims);
  t.deepEqual(await tokens.verify(text), { userId: 'u', generation: 3, expiresAt: NOW + 86_400_000 });
  now = NOW + 86_400_000 - 1;
  t.not(await tokens.verify(text), undefined);
  now += 1;
  t.is(await tokens.verify(text), undefined);
});

const refused: [what: string, text: string][] = [
  ['no algorithm', `${encode({ alg: 'none', typ: 'JWT' })}.${encode(claims)}.`],
  ['no algorithm, in capitals', `${encode({ alg: 'NONE', typ: 'JWT' })}.${encode(claims)}.`],
  ['another algorithm', token({ alg: 'HS512', typ: 'JWT' }, claims, SECRET, 'sha512')],
  ['an algorithm that it was not signed with', token({ alg: 'RS256', typ: 'JWT' }, claims)],
  ['another secret', token(header, claims, Buffer.alloc(32, 8))],
  ['an empty secret', token(header, claims, new Uint8Array(0))],
  [
    'a key of its own',
    token({ ...header, jwk: { kty: 'oct', k: 'AAAA' } }, claims, Buffer.from('AAAA', 'base64url')),
  ],
  ['another type', token({ alg: 'HS256', typ: 'at+jwt' }, claims)],
  ['no type', token({ alg: 'HS256' }, claims)],
  ['a critical header that is not understood', token({ ...header, crit: ['x'], x: 1 }, claims)],
  ['an end in the past', token(header, { ...claims, iat: SECONDS - 2 * HOUR, exp: SECONDS - HOUR })],
  ['no end', token(header, { sub: 'u', iat: SECONDS, gen: 3 })],
  ['a beginning in the future', token(header, { ...claims, iat: SECONDS + HOUR })],
  ['a time of use in the future', token(header, { ...claims, nbf: SECONDS + HOUR })],
  ['no beginning', token(header, { sub: 'u', exp: SECONDS + HOUR, gen: 3 })],
  ['a beginning before the longest life', token(header, { ...claims, iat: SECONDS - 48 * HOUR })],
  ['nobody', token(header, { ...claims, sub: undefined })],
  ['a subject that is no text', token(header, { ...claims, sub: 7 })],
  ['no generation', token(header, { ...claims, gen: undefined })],
  ['a generation that is no number', token(header, { ...claims, gen: '3' })],
  ['a length that is not ours', token(header, { ...claims, x: 'x'.repeat(8_000) })],
  ['no parts', 'abc'],
  ['too many parts', `${token(header, claims)}.x`],
  ['nothing', ''],
];

for (const [what, text] of refused)
  test(`a token with ${what} is refused`, async (t) => {
    t.is(await new Tokens(SECRET, () => NOW).verify(text), undefined);
  });

test('a token of which any part was changed is refused', async (t) => {
  const tokens = new Tokens(SECRET, () => NOW);
  const good = token(header, claims);
  t.not(await tokens.verify(good), undefined);
  const [head, body, signature] = good.split('.') as [string, string, string];
  for (const changed of [
    `${head}.${encode({ ...claims, sub: 'v' })}.${signature}`,
    `${encode({ ...header, kid: '1' })}.${body}.${signature}`,
    `${head}.${body}.${signature.startsWith('A') ? 'B' : 'A'}${signature.slice(1)}`,
    `${head}.${body}.`,
  ])
    t.is(await tokens.verify(changed), undefined, changed);
});

test('a secret that is too short is refused', (t) => {
  t.throws(() => new Tokens(Buffer.alloc(31), () => NOW));
});
