import test from 'ava';
import { JoinedBytes, LoadLogs } from '../../../src/instance/kept-output.js';

test('pieces are joined, and what finds no room is counted', (t) => {
  const joined = new JoinedBytes(5);
  t.is(joined.add(Buffer.from('ab')), 0);
  t.is(joined.add(Buffer.from('cdef')), 1);
  t.is(joined.add(Buffer.from('gh')), 2);
  t.is(joined.bytes.toString(), 'abcde');
});

test('output in single bytes takes no more than twice its size', (t) => {
  const joined = new JoinedBytes(100_000);
  for (let count = 1; count <= 50_000; count++) joined.add(Buffer.from('x'));
  t.is(joined.bytes.length, 50_000);
  t.true(joined.bytes.buffer.byteLength < 100_000);
  for (let count = 1; count <= 60_000; count++) joined.add(Buffer.from('x'));
  t.is(joined.bytes.buffer.byteLength, 100_000);
});

test('what is kept does not change with the buffer it came in', (t) => {
  const joined = new JoinedBytes(10);
  const piece = Buffer.from('before');
  joined.add(piece);
  piece.fill('x');
  t.is(joined.bytes.toString(), 'before');
});

test('what a module printed is one piece a stream, and is taken once', (t) => {
  const logs = new LoadLogs();
  logs.sink('stderr', Buffer.from('a'));
  logs.sink('stdout', Buffer.from('b'));
  logs.sink('stderr', Buffer.from('c'));
  const told = (): string[] => logs.take().map(([stream, text]) => `${stream}:${text.toString()}`);
  t.deepEqual(told(), ['stderr:ac', 'stdout:b']);
  t.deepEqual(told(), []);
});
