import test from 'ava';
import fc from 'fast-check';
import { GlambdarError } from '../../../../src/errors.js';
import { functionNameFromFile, parseFunctionName } from '../../../../src/model/function/function-name.js';

for (const [filename, name] of [
  ['hello.zip', 'hello'],
  ['my.fn.zip', 'my.fn'],
  ['hello', 'hello'],
  ['hello.tar', 'hello'],
  ['my.fn.tar.gz', 'my.fn'],
  ['hello.TAR.GZ', 'hello'],
  ['hello.tgz', 'hello'],
  ['.tar.gz', '.tar.gz'],
  ['hello.gz', 'hello'],
  ['.zip', '.zip'],
  ['../../etc/hello.zip', 'hello'],
  ['C:\\fakepath\\hello.zip', 'hello'],
  ['a\\b/c.zip', 'c'],
  ['a.d/hello', 'hello'],
  ['..', '.'],
  ['', ''],
] as const) {
  test(`functionNameFromFile makes ${JSON.stringify(name)} of ${JSON.stringify(filename)}`, (t) => {
    t.is(functionNameFromFile(filename), name);
  });
}

for (const name of ['a', '0', 'A-b_c.d', 'constructor', 'a'.repeat(64), '1..2']) {
  test(`parseFunctionName accepts ${JSON.stringify(name)}`, (t) => {
    t.is(parseFunctionName(name), name);
  });
}

for (const name of [
  ...[
    '',
    '.',
    '..',
    '.a',
    '-a',
    '_a',
    '__proto__',
    'a/b',
    'a\\b',
    '../a',
    'a:b:rw',
    'a b',
    'a\0',
    'a\n',
    'é',
    'а',
  ],
  ...['a'.repeat(65), 'a\r\nX: 1', undefined, null, 7, ['a'], { toString: () => 'a' }],
]) {
  test(`parseFunctionName refuses ${JSON.stringify(name)}`, (t) => {
    const error = t.throws(() => parseFunctionName(name), {
      instanceOf: GlambdarError,
      code: 'INVALID_NAME',
    });
    t.regex(error.message, /1 to 64 characters of A–Z a–z 0–9 \. _ - .*\.$/);
  });
}

test('parseFunctionName lets no other character through whatever it is given', (t) => {
  const property = fc.property(fc.string({ unit: 'binary', maxLength: 70 }), (name) => {
    try {
      return parseFunctionName(name) === name && /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(name);
    } catch (error) {
      return error instanceof GlambdarError && !/[\p{Cc}\p{Cf}]/u.test(error.message);
    }
  });
  t.notThrows(() => fc.assert(property));
});
