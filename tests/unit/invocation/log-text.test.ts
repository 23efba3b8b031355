import test from 'ava';
import { LogText, MAX_STREAM_BYTES } from '../../../src/invocation/log-text.js';

test('text is kept in the order of its coming, each stream for itself', (t) => {
  const text = new LogText();
  text.sink('stdout', Buffer.from('a'));
  text.sink('stderr', Buffer.from('b'));
  text.sink('stdout', Buffer.from('c'));
  text.addOutput({ stdout: 'd', stderr: '' });
  t.is(text.text('stdout'), 'acd');
  t.is(text.text('stderr'), 'b');
});

test('a character cut in two by the wire is whole again', (t) => {
  const text = new LogText();
  for (const byte of Buffer.from('😀')) text.sink('stdout', Buffer.from([byte]));
  t.is(text.text('stdout'), '😀');
});

test('what is kept does not change with the buffer it came in', (t) => {
  const text = new LogText();
  const buffer = Buffer.from('before');
  text.sink('stdout', buffer);
  buffer.fill('x');
  t.is(text.text('stdout'), 'before');
});

test('each stream is capped and says how much was cut', (t) => {
  const text = new LogText();
  text.sink('stdout', Buffer.alloc(MAX_STREAM_BYTES, 'x'));
  t.is(text.text('stdout').length, MAX_STREAM_BYTES);
  text.sink('stdout', Buffer.from('12345'));
  text.addCut({ stdout: 10, stderr: 3 });
  text.addOutput({ stdout: 'more', stderr: 'kept' });
  t.is(text.text('stdout'), `${'x'.repeat(MAX_STREAM_BYTES)}\n[19 more bytes were cut]`);
  t.is(text.text('stderr'), 'kept\n[3 more bytes were cut]');
});
