/** What records of calls hold in memory while they are answered. */
import test, { type ExecutionContext } from 'ava';
import type { InvocationView } from '../../../../src/invocation/logs.js';
import { type FakeLogs, record } from '../fakes.js';
import { type Fixture, head, reached, startServer, turns } from '../server-fixture.js';

/** More than the kernel takes for both sides. */
const LARGE = 16_000_000;
const large = (): InvocationView[] => [record('r1', { stdout: 'x'.repeat(LARGE) })];

/** The status of another request for the same, whose answer is thrown away. */
async function statusOf({ raw }: Fixture, path: string): Promise<{ status: number }> {
  const client = await raw();
  client.send(head(`GET ${path}`));
  const [, status] = /^HTTP\/1.1 (\d+) /.exec(await client.text('\r\n\r\n')) ?? [];
  client.socket.destroy();
  return { status: Number(status) };
}

/** In which turn of the event loop each list is made from now on. */
function turnsOf(t: ExecutionContext, logs: FakeLogs): number[] {
  const list = logs.list.bind(logs);
  const madeIn: number[] = [];
  let turn = 0;
  let next = setImmediate(function count() {
    turn += 1;
    next = setImmediate(count);
  });
  t.teardown(() => clearImmediate(next));
  logs.list = (name, query) => {
    madeIn.push(turn);
    return list(name, query);
  };
  return madeIn;
}

test('of pipelined lists that are not read one is made, and none when the client has gone', async (t) => {
  const fixture = await startServer(t, { maxBodiesBytes: 10 * LARGE });
  const { raw, logs, bodies } = fixture;
  logs.records = large();
  const client = await raw();
  client.socket.pause();
  client.send(head('GET /logs/hello?limit=1000').repeat(60));
  while (logs.queries.length === 0) await turns(1);
  await reached(fixture);
  t.is(logs.queries.length, 1);
  t.true(bodies.usedBytes > LARGE && bodies.usedBytes < LARGE + 1000);
  client.socket.destroy();
  while (bodies.usedBytes > 0) await turns(1);
  await reached(fixture);
  t.is(logs.queries.length, 1);
});

test('pipelined lists are answered one after the other, in different turns; too many are refused', async (t) => {
  const { raw, logs } = await startServer(t);
  const madeIn = turnsOf(t, logs);
  const client = await raw();
  client.send(head('GET /logs/hello').repeat(10));
  const statuses = [];
  for (let i = 0; i < 10; i += 1) {
    const { status, headers, body } = await client.response();
    statuses.push(status);
    if (status === 200) t.is(body, `${JSON.stringify([record('r2'), record('r1')])}\n`);
    else {
      t.is(headers['retry-after'], '1');
      t.regex(body, /AT_CAPACITY/);
    }
  }
  t.deepEqual(statuses, [...Array<number>(8).fill(200), 503, 503]);
  t.is(new Set(madeIn).size, 8);
  t.is((await client.send(head('GET /logs/hello')).response()).status, 200, 'there is room again');
});

test('lists of several connections are made in different turns', async (t) => {
  const { raw, logs } = await startServer(t);
  const madeIn = turnsOf(t, logs);
  const clients = await Promise.all(Array.from({ length: 10 }, raw));
  for (const client of clients) await client.send(head('GET /healthz')).response();
  for (const client of clients) client.send(head('GET /logs/hello'));
  for (const client of clients) await client.response();
  t.is(new Set(madeIn).size, 10);
});

for (const path of ['/logs/hello', '/logs/hello?follow=1&limit=1', '/invocations/r1']) {
  test(`what ${path} answers is counted until it is read; beyond the budget it is refused`, async (t) => {
    const fixture = await startServer(t, { maxBodiesBytes: 2.1 * LARGE });
    const { raw, logs, bodies } = fixture;
    logs.records = large();
    const idle = await Promise.all([raw(), raw()]);
    for (const client of idle) {
      client.socket.pause();
      client.send(head(`GET ${path}`));
    }
    while (bodies.usedBytes < 2 * LARGE) await turns(1);
    t.is((await statusOf(fixture, path)).status, 503);
    // One goes, the other reads: a stream stays open then, and holds nothing.
    idle[0].socket.destroy();
    idle[1].socket.removeAllListeners('data').resume();
    while (bodies.usedBytes > 0) await turns(1);
    t.is((await statusOf(fixture, path)).status, 200);
    idle[1].socket.destroy();
    await logs.unfollowed();
  });
}

test('small lists are answered however much others hold', async (t) => {
  const { bodies, url } = await startServer(t);
  bodies.take(60_000, 'hello');
  bodies.take(40_000, 'other');
  t.is((await fetch(`${url}/logs/hello`)).status, 200);
  bodies.give(60_000, 'hello');
  bodies.give(40_000, 'other');
});

test('a stream whose turn comes when the server stops ends at once', async (t) => {
  const { raw, server, logs } = await startServer(t);
  const client = await raw();
  client.send(head('GET /logs/hello?follow=1').repeat(2));
  await client.response();
  await turns(10);
  t.is(logs.listeners.size, 1);
  await server.close(60_000);
  await client.text('event: end\n');
  await client.text('event: end\n');
  t.is(logs.listeners.size, 0);
});
