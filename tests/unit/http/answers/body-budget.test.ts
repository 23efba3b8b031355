import test from 'ava';
import { BodyBudget } from '../../../../src/http/answers/body-budget.js';
import { head, startServer } from '../server-fixture.js';

const full = { code: 'AT_CAPACITY' } as never;

test('what is taken counts until it is given back', (t) => {
  const budget = new BodyBudget(100);
  budget.take(40, 'a');
  budget.take(20, 'b');
  t.is(budget.usedBytes, 60);
  budget.give(40, 'a');
  budget.give(0, 'nobody');
  t.is(budget.usedBytes, 20);
});

test('one flow leaves room for others', (t) => {
  const budget = new BodyBudget(90);
  budget.take(30, 'a');
  budget.take(30, 'a');
  t.throws(() => budget.take(30, 'a'), full);
  t.is(budget.usedBytes, 60, 'what is refused does not count');
  t.notThrows(() => budget.take(20, 'b'));
  budget.give(60, 'a');
  t.notThrows(() => budget.take(40, 'a'));
});

test('more than there is is refused, whoever asks', (t) => {
  const budget = new BodyBudget(90);
  t.throws(() => budget.take(91, 'a'), full);
  t.notThrows(() => budget.take(60, 'a'));
  t.throws(() => budget.take(31, 'b'), full);
});

test('large answers that nobody reads are counted, and given back when their readers go', async (t) => {
  const { raw, url, invoker } = await startServer(t, { maxBodiesBytes: 60_000_000 });
  invoker.handler = () => ({
    statusCode: 200,
    headers: [],
    body: Buffer.alloc(30_000_000),
    version: 1,
    start: 'loaded',
    times: { queueMs: 0, startMs: 0, loadMs: 0, runMs: 0 },
  });
  const idle = await Promise.all([raw(), raw()]);
  for (const client of idle) {
    client.socket.pause();
    client.send(head('GET /invoke/hello'));
  }
  const status = async (): Promise<number> => (await fetch(`${url}/invoke/hello`)).status;
  while ((await status()) !== 503) await new Promise((resolve) => setImmediate(resolve));
  for (const client of idle) client.socket.destroy();
  while ((await status()) !== 200) await new Promise((resolve) => setImmediate(resolve));
  t.pass();
});
