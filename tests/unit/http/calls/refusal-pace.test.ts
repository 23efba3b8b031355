import test from 'ava';
import { GlambdarError } from '../../../../src/errors.js';
import { RefusalPace } from '../../../../src/http/calls/refusal-pace.js';
import { head, startServer } from '../server-fixture.js';

const full = new GlambdarError('AT_CAPACITY', 'Full.');

function create() {
  let now = 0;
  const held: number[] = [];
  const pace = new RefusalPace({
    perSecond: 10,
    holdMs: 30,
    now: () => now,
    wait: async (ms) => void held.push(ms),
  });
  return { pace, held, pass: (ms: number) => (now += ms) };
}

test('refusals leave at once up to the pace, further ones are held', async (t) => {
  const { pace, held } = create();
  for (let i = 0; i < 10; i += 1) await pace.hold(full);
  t.deepEqual(held, []);
  await pace.hold(full);
  await pace.hold(new GlambdarError('RATE_LIMITED', 'Slower.'));
  t.deepEqual(held, [30, 30]);
});

test('the pace comes back with time, and no more of it than one second of it', async (t) => {
  const { pace, held, pass } = create();
  for (let i = 0; i < 10; i += 1) await pace.hold(full);
  pass(200);
  await pace.hold(full);
  await pace.hold(full);
  t.deepEqual(held, []);
  await pace.hold(full);
  t.is(held.length, 1);
  pass(3_600_000);
  for (let i = 0; i < 11; i += 1) await pace.hold(full);
  t.is(held.length, 2);
});

test('other errors are never held, and take nothing', async (t) => {
  const { pace, held } = create();
  for (let i = 0; i < 50; i += 1) await pace.hold(new GlambdarError('FUNCTION_ERROR', 'Its own.'));
  for (let i = 0; i < 50; i += 1) await pace.hold(new Error('bug'));
  for (let i = 0; i < 10; i += 1) await pace.hold(full);
  t.deepEqual(held, []);
});

test('a caller that is refused again and again is answered every time', async (t) => {
  const { raw, invoker } = await startServer(t);
  invoker.refuse = new GlambdarError('AT_CAPACITY', 'Full.', { retryAfterSeconds: 1 });
  const client = await raw();
  for (let i = 0; i < 205; i += 1) {
    const { status, headers } = await client.send(head('POST /invoke/hello')).response();
    t.is(status, 503);
    t.is(headers['retry-after'], '1');
  }
});
