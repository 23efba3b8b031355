import test from 'ava';
import { head, startServer } from './server-fixture.js';

const envelope = (body: string): { error: string; code: string; requestId: string } =>
  JSON.parse(body) as never;

const broken: [title: string, request: string, status: number, code: string][] = [
  [
    'both a length and chunks',
    head('POST /invoke/hello', 'Content-Length: 3', 'Transfer-Encoding: chunked') + '0\r\n\r\n',
    400,
    'INVALID_REQUEST',
  ],
  [
    'two lengths',
    head('POST /invoke/hello', 'Content-Length: 3', 'Content-Length: 4') + 'abcd',
    400,
    'INVALID_REQUEST',
  ],
  ['a negative length', head('POST /invoke/hello', 'Content-Length: -1'), 400, 'INVALID_REQUEST'],
  [
    'an unknown transfer coding',
    head('POST /invoke/hello', 'Transfer-Encoding: zip'),
    400,
    'INVALID_REQUEST',
  ],
  ['bare line feeds', 'GET /healthz HTTP/1.1\nHost: localhost\n\n', 400, 'INVALID_REQUEST'],
  ['a space before the colon', 'GET /healthz HTTP/1.1\r\nHost : localhost\r\n\r\n', 400, 'INVALID_REQUEST'],
  ['a folded header', head('GET /healthz', 'X-A: 1', ' folded: 2'), 400, 'INVALID_REQUEST'],
  ['a NUL in a header', head('GET /healthz', 'X-A: a\0b'), 400, 'INVALID_REQUEST'],
  ['no HTTP at all', 'hello there\r\n\r\n', 400, 'INVALID_REQUEST'],
  [
    'a bad chunk size',
    head('POST /invoke/hello', 'Transfer-Encoding: chunked') + 'zz\r\n',
    400,
    'INVALID_REQUEST',
  ],
  ['a head over 16 KiB', head('GET /healthz', `X-A: ${'a'.repeat(20_000)}`), 431, 'INVALID_REQUEST'],
  [
    '201 headers',
    head('GET /healthz', ...Array.from({ length: 200 }, (_, i) => `a${i}: b`)),
    431,
    'INVALID_REQUEST',
  ],
  ['3000 headers', head('GET /healthz', ...Array.from({ length: 3000 }, () => 'a:')), 431, 'INVALID_REQUEST'],
  ['no Host', 'GET /healthz HTTP/1.1\r\n\r\n', 421, 'MISDIRECTED_REQUEST'],
  [
    'two Hosts',
    'GET /healthz HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n\r\n',
    421,
    'MISDIRECTED_REQUEST',
  ],
];
for (const [title, request, status, code] of broken) {
  test(`a request with ${title} answers ${status} with an envelope and a request id`, async (t) => {
    const { raw, invoker, logged } = await startServer(t);
    const client = await raw();
    const response = await client.send(Buffer.from(request, 'latin1')).response();
    t.is(response.status, status);
    const body = envelope(response.body);
    t.is(body.code, code);
    t.is(response.headers['x-request-id'], body.requestId);
    t.true(body.requestId.length > 0);
    t.deepEqual(invoker.ran, []);
    t.deepEqual(logged, []);
    client.socket.destroy();
  });
}

test('200 headers are accepted', async (t) => {
  const { raw } = await startServer(t);
  const request = head('GET /healthz', ...Array.from({ length: 199 }, (_, i) => `a${i}: b`));
  t.is((await (await raw()).send(request).response()).status, 200);
});

test('a body that breaks in the middle answers 400 with the id of its request and runs nothing', async (t) => {
  const { raw, invoker } = await startServer(t);
  const client = await raw();
  client.send(
    head('POST /invoke/hello', 'X-Request-Id: r1', 'Expect: 100-continue', 'Transfer-Encoding: chunked'),
  );
  await client.response();
  const response = await client.send('2\r\nab\r\nnonsense\r\n').response();
  t.is(response.status, 400);
  t.is(response.headers['x-request-id'], 'r1');
  client.socket.destroy();
  await invoker.settled();
  t.is(invoker.abandoned, 1);
});

test('garbage behind a running call that only Node can read is never taken for the answer of the call', async (t) => {
  const { raw, invoker } = await startServer(t);
  const { entered } = invoker.hold();
  const client = await raw();
  client.send(`${head('POST /invoke/hello', 'Transfer-Encoding: chunked')}0\r\n\r\n`);
  await entered;
  client.send('garbage\r\n\r\n');
  await client.closed;
  await t.throwsAsync(client.response());
});

test('garbage behind a running simple call is answered after the answer of the call', async (t) => {
  const { raw, invoker } = await startServer(t);
  const { entered, finish } = invoker.hold();
  const client = await raw();
  client.send(head('GET /invoke/hello'));
  await entered;
  client.send('garbage\r\n\r\n');
  finish();
  t.is((await client.response()).status, 200);
  const refusal = await client.response();
  t.is(refusal.status, 400);
  t.is(refusal.headers['connection'], 'close');
  await client.closed;
});

test('a smuggled second request inside a body stays a body', async (t) => {
  const { raw, invoker } = await startServer(t);
  const inner = head('DELETE /del/hello');
  const client = await raw();
  client.send(head('POST /invoke/hello', `Content-Length: ${inner.length}`) + inner + head('GET /healthz'));
  t.is((await client.response()).body, '"hi"');
  t.is((await client.response()).body, '{"status":"ok"}');
  t.is(invoker.ran[0]?.body.toString(), inner);
});

test('a refused body is not taken for the next request', async (t) => {
  const { raw } = await startServer(t);
  const inner = head('DELETE /del/hello');
  const client = await raw();
  client.send(head('POST /nowhere', `Content-Length: ${inner.length}`) + inner + head('GET /healthz'));
  t.is((await client.response()).status, 404);
  t.is((await client.response()).body, '{"status":"ok"}');
});

test('a target in absolute form is routed by its path, and its authority is the host', async (t) => {
  const { raw } = await startServer(t);
  const client = await raw();
  t.is((await client.send(head('GET http://127.0.0.1:1/healthz?x')).response()).status, 200);
  t.is((await client.send(head('GET http://evil.example/healthz')).response()).status, 421);
  t.is((await client.send(head('GET http://localhost')).response()).status, 404);
});

test('a head that does not arrive in time answers 408', async (t) => {
  const { raw } = await startServer(t, {
    server: { headersTimeoutMs: 40, requestTimeoutMs: 80, checkIntervalMs: 10 },
  });
  const client = await raw();
  const { status, body } = await client.send('GET /healthz HTTP/1.1\r\nHost: lo').response();
  t.is(status, 408);
  t.is(envelope(body).code, 'REQUEST_TIMEOUT');
});

test('a connection that sends nothing is ended', async (t) => {
  const { raw } = await startServer(t, {
    server: { headersTimeoutMs: 40, requestTimeoutMs: 80, checkIntervalMs: 10 },
  });
  const client = await raw();
  t.is((await client.response()).status, 408);
});

test('a body that drips too slowly answers 408 and gives the place back', async (t) => {
  const { raw, invoker } = await startServer(t, {
    server: { headersTimeoutMs: 400, requestTimeoutMs: 600, checkIntervalMs: 10 },
  });
  const client = await raw();
  client.send(head('POST /invoke/hello', 'X-Request-Id: r1', 'Content-Length: 100') + 'x');
  const response = await client.response();
  t.is(response.status, 408);
  t.is(response.headers['x-request-id'], 'r1');
  client.socket.end();
  await invoker.settled();
  t.is(invoker.abandoned, 1);
});

test('a refused body that drips forever is cut without a second answer', async (t) => {
  const { raw } = await startServer(t, {
    server: { headersTimeoutMs: 400, requestTimeoutMs: 600, checkIntervalMs: 10 },
  });
  const client = await raw();
  client.send(head('POST /nowhere', 'Content-Length: 100') + 'x');
  t.is((await client.response()).status, 404);
  await client.closed;
  await t.throwsAsync(client.response(), { message: /ended after ""/ });
});

test('a kept-alive connection without a next request is closed', async (t) => {
  const { raw } = await startServer(t, { server: { keepAliveTimeoutMs: 20 } });
  const client = await raw();
  await client.send(head('GET /healthz')).response();
  await client.closed;
  t.pass();
});

test('connections beyond the limit are refused and the others go on', async (t) => {
  const { raw } = await startServer(t, { server: { maxConnections: 2 } });
  const [a, b] = [await raw(), await raw()];
  await a.send(head('GET /healthz')).response();
  await b.send(head('GET /healthz')).response();
  const c = await raw();
  await c.closed;
  t.is((await a.send(head('GET /healthz')).response()).status, 200);
});
