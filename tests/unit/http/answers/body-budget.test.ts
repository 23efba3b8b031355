import test from 'ava';
import { BodyBudget } from '../../../../src/http/answers/body-budget.js';
import { answer, metadata } from '../fakes.js';
import { head, startServer, turns } from '../server-fixture.js';

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

test('answers that wait behind another one on their connection are counted, however small', async (t) => {
  const { raw, invoker, bodies } = await startServer(t, { maxBodiesBytes: 60_000 });
  const { entered, finish } = invoker.hold('first');
  const client = await raw();
  client.send(head('POST /invoke/hello', 'Content-Length: 5') + 'first');
  await entered;
  invoker.handler = () => answer({ body: Buffer.alloc(10_000) });
  client.send(head('GET /invoke/hello').repeat(10));
  while (invoker.ran.length < 11) await turns(1);
  await turns(3);
  t.is(bodies.usedBytes, 40_005, 'four of ten; more would be more than twice what is free');
  finish();
  const statuses = [];
  for (let index = 0; index < 11; index += 1) statuses.push((await client.response()).status);
  t.deepEqual(statuses, [200, ...Array<number>(4).fill(200), ...Array<number>(6).fill(503)]);
  while (bodies.usedBytes > 0) await turns(1);
});

test('a long list of functions that nobody reads is counted until its reader goes', async (t) => {
  const { raw, registry, bodies } = await startServer(t, { maxBodiesBytes: 60_000_000 });
  const { settings } = metadata;
  const long = { ...metadata, settings: { ...settings, env: { A: 'x'.repeat(16_000_000) } } };
  registry.list = () => [long];
  const client = await raw();
  client.socket.pause();
  client.send(head('GET /info'));
  while (bodies.usedBytes < 16_000_000) await turns(1);
  client.socket.destroy();
  while (bodies.usedBytes > 0) await turns(1);
  t.pass();
});

test('a list that there is no room for is refused', async (t) => {
  const { url, registry, bodies } = await startServer(t, { maxBodiesBytes: 100_000 });
  const { settings } = metadata;
  registry.list = () => [{ ...metadata, settings: { ...settings, env: { A: 'x'.repeat(200_000) } } }];
  t.is((await fetch(`${url}/info`)).status, 503);
  t.is((await fetch(`${url}/info`, { method: 'HEAD' })).status, 200);
  t.is(bodies.usedBytes, 0);
});
