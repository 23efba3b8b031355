import test from 'ava';
import { StoreError } from '../../../../../src/model/store-error.js';
import { record } from '../../fakes.js';
import { head, startServer } from '../../server-fixture.js';

test('limit and before reach the logs, and the default limit is 100', async (t) => {
  const { url, logs } = await startServer(t);
  const list = await (await fetch(`${url}/logs/hello`)).json();
  t.deepEqual(list, [record('r2'), record('r1')]);
  await fetch(`${url}/logs/hello?limit=1000&before=r2`);
  t.deepEqual(logs.queries, [{ limit: 100 }, { limit: 1000, before: 'r2' }]);
});

test('follow streams each new record as one event and none of the old ones', async (t) => {
  const { raw, logs } = await startServer(t);
  const client = await raw();
  client.send(head('GET /logs/hello?follow=1', 'X-Request-Id: r9'));
  const { headers } = await client.response();
  t.is(headers['content-type'], 'text/event-stream; charset=utf-8');
  t.is(headers['cache-control'], 'no-store');
  t.is(headers['x-request-id'], 'r9');
  const hostile = record('r3', { stdout: 'a\n\ndata: forged\r\revent: x\u2028' });
  logs.emit(hostile);
  const text = await client.text('\n\n');
  t.regex(text, /event: invocation\nid: r3\ndata: \{[^\n]*\}\n\n$/);
  t.is(text.match(/\r(?!\n)/), null);
  t.deepEqual(JSON.parse(/data: ([^\n]*)\n/.exec(text)?.[1] ?? ''), hostile);
  client.socket.destroy();
  await logs.unfollowed();
});

test('follow with a limit starts with the newest records, oldest first', async (t) => {
  const { raw, logs } = await startServer(t);
  const client = await raw();
  client.send(head('GET /logs/hello?follow=1&limit=2'));
  await client.response();
  logs.emit(record('r3'));
  const ids = [];
  for (let i = 0; i < 3; i++) {
    ids.push(/id: (\w+)/.exec(await client.text('\n\n'))?.[1]);
  }
  t.deepEqual(ids, ['r1', 'r2', 'r3']);
});

test('records that come while the history is read are sent once, after it, as they came', async (t) => {
  const { raw, logs } = await startServer(t);
  const list = logs.list.bind(logs);
  logs.list = async (ref, query) => {
    const past = await list(ref, query);
    logs.emit(record('r3'));
    logs.emit(record('r2', { stdout: 'its last output' }));
    return past;
  };
  const client = await raw();
  client.send(head('GET /logs/hello?follow=1&limit=2'));
  await client.response();
  logs.emit(record('r4'));
  const events = [];
  for (let i = 0; i < 4; i++) {
    const text = await client.text('\n\n');
    events.push(`${/id: (\w+)/.exec(text)?.[1]} ${/"stdout":"([^"]*)"/.exec(text)?.[1]}`);
  }
  t.deepEqual(events, ['r1 ', 'r3 ', 'r2 its last output', 'r4 ']);
});

test('a reader that leaves while the history is read is followed no longer', async (t) => {
  const { raw, logs } = await startServer(t);
  let finish!: () => void;
  const finished = new Promise<void>((resolve) => (finish = resolve));
  let begin!: () => void;
  const begun = new Promise<void>((resolve) => (begin = resolve));
  const list = logs.list.bind(logs);
  logs.list = async (ref, query) => {
    begin();
    await finished;
    return list(ref, query);
  };
  const client = await raw();
  client.send(head('GET /logs/hello?follow=1'));
  await begun;
  client.socket.destroy();
  await client.closed;
  await new Promise((resolve) => setImmediate(resolve));
  finish();
  await logs.unfollowed();
  t.is(logs.listeners.size, 0);
});

test('a history that cannot be read is an error, and nobody follows', async (t) => {
  const { url, logs } = await startServer(t);
  logs.list = async () => {
    throw new StoreError('The disk failed to read or write.', { full: false });
  };
  t.is((await fetch(`${url}/logs/hello?follow=1`)).status, 500);
  t.is(logs.listeners.size, 0);
});

test('a quiet stream carries a comment as heartbeat', async (t) => {
  const { raw } = await startServer(t, { config: { events: { heartbeatMs: 10, maxBufferedBytes: 1000 } } });
  const client = await raw();
  client.send(head('GET /logs/hello?follow=1'));
  await client.response();
  await client.text(': still here\n\n');
  await client.text(': still here\n\n');
  t.pass();
});

test('a reader that does not keep up gets a marker and its stream ends', async (t) => {
  const { raw, logs } = await startServer(t, {
    config: { events: { heartbeatMs: 60_000, maxBufferedBytes: 10_000 } },
  });
  const client = await raw();
  client.send(head('GET /logs/hello?follow=1'));
  await client.response();
  client.socket.pause();
  // More than the kernel takes for both sides.
  for (let i = 0; i < 40; i++) logs.emit(record(`r${i}`, { stdout: 'x'.repeat(500_000) }));
  client.socket.resume();
  t.regex(await client.text('event: dropped\ndata: {"reason":"the reader is too slow"}\n\n'), /id: r0\n/);
  client.socket.destroy();
  await logs.unfollowed();
});

test('a reader that takes nothing for a whole heartbeat is cut', async (t) => {
  const { raw, logs } = await startServer(t, {
    config: { events: { heartbeatMs: 10, maxBufferedBytes: 50_000_000 } },
  });
  const client = await raw();
  client.send(head('GET /logs/hello?follow=1'));
  await client.response();
  client.socket.pause();
  for (let i = 0; i < 40; i++) logs.emit(record(`r${i}`, { stdout: 'x'.repeat(500_000) }));
  await logs.unfollowed();
  client.socket.destroy();
  t.pass();
});

test('a long history is not mistaken for a slow reader', async (t) => {
  const { raw, logs } = await startServer(t, {
    maxBodiesBytes: 60_000_000,
    config: { events: { heartbeatMs: 60_000, maxBufferedBytes: 10_000 } },
  });
  logs.records = Array.from({ length: 40 }, (_, i) => record(`h${i}`, { stdout: 'x'.repeat(500_000) }));
  const client = await raw();
  client.send(head('GET /logs/hello?follow=1&limit=40'));
  await client.response();
  logs.emit(record('live'));
  await client.text('id: h0\n');
  t.notRegex(await client.text('id: live\n'), /dropped/);
});

test('a stream ends when the server stops', async (t) => {
  const { raw, server } = await startServer(t);
  const client = await raw();
  client.send(head('GET /logs/hello?follow=1'));
  await client.response();
  await server.close(60_000);
  t.regex(await client.text('\n\n'), /event: end\ndata: \{"reason":"the server is stopping"\}/);
});

test('HEAD of a stream has its head only', async (t) => {
  const { raw, logs } = await startServer(t);
  const client = await raw();
  const { headers } = await client.send(head('HEAD /logs/hello?follow=1')).response({ head: true });
  t.is(headers['content-type'], 'text/event-stream; charset=utf-8');
  await logs.unfollowed();
  t.is((await client.send(head('GET /healthz')).response()).status, 200);
});

test('a parameter that the logs do not know is refused with the known ones; follow may be true or false', async (t) => {
  const { get } = await startServer(t);
  const { response, json } = await get('/logs/hello?tail=5');
  t.is(response.status, 400);
  t.is(json['error'], 'Unknown parameter "tail"; known are limit, before, follow.');
  t.is((await get('/logs/hello?follow=false')).response.status, 200);
  t.is(
    (await get('/logs/hello?follow=true&before=x')).json['error'],
    (await get('/logs/hello?follow=1&before=x')).json['error'],
  );
  t.is((await get('/logs/hello?follow=constructor')).response.status, 400);
});
