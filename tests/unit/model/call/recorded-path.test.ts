import test from 'ava';
import { MAX_PATH_CHARACTERS, shortPath, visiblePath } from '../../../../src/model/call/recorded-path.js';

test('a path is recorded as it was sent, without its query', (t) => {
  t.is(visiblePath('/invoke/hello/a%20b/..//c'), '/invoke/hello/a%20b/..//c');
  t.is(visiblePath('/invoke/hello?token=secret?more'), '/invoke/hello');
  t.is(visiblePath('/?'), '/');
});

test('a path is recorded in visible ASCII, whatever bytes were sent', (t) => {
  t.is(visiblePath('/a\u001b[31m\u009b\u007f b'), '/a%1B[31m%9B%7F%20b');
  t.is(visiblePath(`/${Buffer.from('é').toString('latin1')}`), '/%C3%A9');
});

test('a long path is cut, and says so', (t) => {
  const whole = '/'.padEnd(MAX_PATH_CHARACTERS, 'x');
  t.is(shortPath(whole), whole);
  t.is(shortPath(`${whole}y`), `${whole}…`);
});
