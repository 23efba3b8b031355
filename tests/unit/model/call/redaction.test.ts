import test from 'ava';
import { GlambdarError } from '../../../../src/errors.js';
import { NO_REDACTION, Redactor, redactedError } from '../../../../src/model/call/redaction.js';

function redactor(values: Record<string, string>): Redactor {
  const made = new Redactor();
  made.set(values);
  return made;
}

const pem = `-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0B\nAQEFAASCBKcwggSjAgEAAoIB\n-----END PRIVATE KEY-----\n`;

const cases: [title: string, values: Record<string, string>, text: string, expected: string][] = [
  ['alone', { A: 's3cr3t' }, 's3cr3t', '[secret A]'],
  ['several times', { A: 's3cr3t' }, 'x s3cr3t, s3cr3t.', 'x [secret A], [secret A].'],
  ['of several secrets', { A: 's3cr3t', B: 'hunter22' }, 'hunter22:s3cr3t', '[secret B]:[secret A]'],
  [
    'that another one contains',
    { A: 's3cr3t', B: 'my-s3cr3t-2' },
    'my-s3cr3t-2 s3cr3t',
    '[secret B] [secret A]',
  ],
  ['that overlaps another one', { A: 'abcdef', B: 'defghi' }, '<abcdefghi>', '<[secret A]>'],
  ['repeated without a gap', { A: 'aaaaaa' }, 'a'.repeat(20), '[secret A]'],
  ['shorter than six characters', { A: 'abcde' }, 'abcde', 'abcde'],
  ['that is almost there', { A: 's3cr3t' }, 's3cr3-t s3cr3', 's3cr3-t s3cr3'],
  ['with characters of a pattern', { A: 'a.*(b)+' }, '/a.*(b)+/', '/[secret A]/'],
  ['with a dollar sign', { A: "$&$1$'" + 'xx' }, "$&$1$'xx", '[secret A]'],
  ['not of ASCII', { A: 'pässwörd€' }, '«pässwörd€»', '«[secret A]»'],
  ['escaped as in JSON', { A: 'a"b\\c\nd' }, JSON.stringify({ k: 'a"b\\c\nd' }), '{"k":"[secret A]"}'],
  ['percent-encoded', { A: 'p@ss/word' }, 'u:p%40ss%2Fword@h', 'u:[secret A]@h'],
  [
    'in base64 and base64url',
    { A: 'subjects?>' },
    `${Buffer.from('subjects?>').toString('base64')} ${Buffer.from('subjects?>').toString('base64url')}`,
    '[secret A]== [secret A]',
  ],
  [
    'of several lines, line by line',
    { KEY: pem },
    "  'MIIEvQIBADANBgkqhkiG9w0B\\n' +\n  'AQEFAASCBKcwggSjAgEAAoIB\\n'",
    "  '[secret KEY]\\n' +\n  '[secret KEY]\\n'",
  ],
  ['of several lines, whole', { KEY: pem }, `<${pem}>`, '<[secret KEY]>'],
];

for (const [title, values, text, expected] of cases)
  test(`a value ${title} ${text === expected ? 'stays' : 'is taken out'}`, (t) => {
    t.is(redactor(values).redact(text), expected);
  });

test('a long value is taken out as far as the text goes on like it', (t) => {
  const value = Array.from({ length: 300 }, (_, index) => `${index}.`).join('');
  const long = redactor({ LONG: value });
  t.is(long.redact(`<${value}>`), '<[secret LONG]>');
  t.is(long.redact(`<${value.slice(0, 500)}…`), '<[secret LONG]…');
  t.is(long.redact(`<${value}${value}>`), '<[secret LONG]>');
});

test('at the end of text that was cut the beginning of a value is taken out', (t) => {
  const { redact } = redactor({ A: 's3cr3t-value' });
  const cut = redact.bind(redactor({ A: 's3cr3t-value' }));
  t.is(cut('so s3cr3t-v', true), 'so [secret A]');
  t.is(cut('so s3cr3t-v', false), 'so s3cr3t-v');
  t.is(cut('so s3c', true), 'so s3c', 'three characters tell little');
});

test('values that a function had before are taken out, too', (t) => {
  const changed = redactor({ A: 'first-value', B: 'other-value' });
  changed.set({ A: 'second-value' });
  t.is(changed.redact('first-value second-value other-value'), '[secret A] [secret A] [secret B]');
  for (let round = 0; round < 100; round++) changed.set({ A: `value-${round}` });
  t.is(changed.redact('value-99 value-35 value-34'), '[secret A] [secret A] value-34', 'of many the newest');
});

test('of long values that begin alike each is taken out whole', (t) => {
  const head = 'postgres://app:'.padEnd(200, 'x');
  const both = redactor({ A: `${head}@host-a`, B: `${head}@host-b/with/more` });
  t.is(both.redact(`<${head}@host-b/with/more>`), '<[secret B]>');
  t.is(both.redact(`<${head}@host-a>`), '<[secret A]>');
});

test('hostile values and output take time by the length of the output alone', (t) => {
  const values: Record<string, string> = {};
  for (let index = 0; index < 60; index++) values[`S${index}`] = `${'a'.repeat(960 + index)}b`;
  const hostile = redactor(values);
  hostile.redact('warm up');
  const text = 'a'.repeat(256 * 1024);
  const begun = process.cpuUsage();
  const redacted = hostile.redact(text);
  const { user, system } = process.cpuUsage(begun);
  t.regex(redacted, /^\[secret S\d+\]a*$|^(\[secret S\d+\])+$/);
  t.true((user + system) / 1e6 < 1, `${(user + system) / 1e3} ms`);
});

test('an error loses values from its message and its details, and keeps the rest', (t) => {
  const error = new GlambdarError('LOAD_FAILED', 'bad s3cr3t', {
    status: 500,
    retryAfterSeconds: 3,
    details: { line: 5, stack: 'at s3cr3t' },
    cause: 'why',
  });
  const told = redactedError(error, redactor({ A: 's3cr3t' }));
  t.like(told, {
    code: 'LOAD_FAILED',
    message: 'bad [secret A]',
    status: 500,
    retryAfterSeconds: 3,
    cause: 'why',
  });
  t.deepEqual(told.details, { line: 5, stack: 'at [secret A]' });
  t.is(redactedError(error, NO_REDACTION), error);
  t.is(redactedError(new GlambdarError('INTERNAL', 'x'), redactor({ A: 's3cr3t' })).details, undefined);
});
