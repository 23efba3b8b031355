import test from 'ava';
import { LogStreams } from '../../../../src/http/answers/log-streams.js';
import type { GlambdarError } from '../../../../src/errors.js';

test('a stream that finds no place is refused until another is over', (t) => {
  const streams = new LogStreams(new AbortController().signal, { heartbeatMs: 1, maxBufferedBytes: 1 });
  const places = Array.from({ length: 100 }, () => streams.take());
  const error = t.throws<GlambdarError>(() => streams.take());
  t.is(error.code, 'AT_CAPACITY');
  places[0]!();
  streams.take();
  t.throws(() => streams.take());
});
