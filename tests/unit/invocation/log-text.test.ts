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

test('what is no UTF-8 is capped as it is kept, not as it came', (t) => {
  const text = new LogText();
  text.sink('stdout', Buffer.alloc(MAX_STREAM_BYTES, 0xff));
  const [kept, note] = text.text('stdout').split('\n');
  t.regex(kept!, /^\ufffd+$/);
  t.true(Buffer.byteLength(kept!) <= MAX_STREAM_BYTES);
  t.true(Buffer.byteLength(kept!) > MAX_STREAM_BYTES - 4096);
  t.is(note, `[${MAX_STREAM_BYTES - kept!.length} more bytes were cut]`);
});

test('half a character that would not fit as it is kept is cut', (t) => {
  const text = new LogText();
  text.sink('stdout', Buffer.concat([Buffer.alloc(MAX_STREAM_BYTES - 2, 'x'), Buffer.from([0xe2, 0x82])]));
  t.is(text.text('stdout'), `${'x'.repeat(MAX_STREAM_BYTES - 2)}\n[2 more bytes were cut]`);
});

test('no half character is left at a cut', (t) => {
  const text = new LogText();
  text.sink('stdout', Buffer.from('x'.repeat(MAX_STREAM_BYTES - 2) + '😀'));
  t.is(text.text('stdout'), `${'x'.repeat(MAX_STREAM_BYTES - 2)}\n[4 more bytes were cut]`);
  text.addOutput({ stdout: '', stderr: '😀'.repeat(MAX_STREAM_BYTES / 4) });
  t.regex(text.text('stderr'), /^\[earlier output was cut\]\n(😀)+$/u);
});
