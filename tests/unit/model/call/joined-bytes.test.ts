import test from 'ava';
import { JoinedBytes } from '../../../../src/model/call/joined-bytes.js';

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
