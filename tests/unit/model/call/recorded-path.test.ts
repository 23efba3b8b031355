import test from 'ava';
import { recordedPath } from '../../../../src/model/call/recorded-path.js';

/** The path of a target of a function without secrets. */
const pathOf = (target: string): string => recordedPath(target, { isEmpty: true, redact: (text) => text });

test('a path is recorded as it was sent, without its query', (t) => {
  t.is(pathOf('/invoke/hello/a%20b/..//c'), '/invoke/hello/a%20b/..//c');
  t.is(pathOf('/invoke/hello?token=secret?more'), '/invoke/hello');
  t.is(pathOf('/?'), '/');
});

test('a path is recorded in visible ASCII, whatever bytes were sent', (t) => {
  t.is(pathOf('/a\u001b[31m\u009b\u007f b'), '/a%1B[31m%9B%7F%20b');
  t.is(pathOf(`/${Buffer.from('é').toString('latin1')}`), '/%C3%A9');
});

test('a long path is cut, and says so', (t) => {
  const whole = '/'.padEnd(256, 'x');
  t.is(pathOf(whole), whole);
  t.is(pathOf(`${whole}y`), `${whole}…`);
});
