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
  ['HTTP/2.0 in its line', 'GET /healthz HTTP/2.0\r\nHost: localhost\r\n\r\n', 505, 'INVALID_REQUEST'],
  [
    'HTTP/2.0 in the line of a call',
    'GET /invoke/hello HTTP/2.0\r\nHost: localhost\r\n\r\n',
    505,
    'INVALID_REQUEST',
  ],
  ['HTTP/0.9 in its line', 'GET /healthz HTTP/0.9\r\nHost: localhost\r\n\r\n', 505, 'INVALID_REQUEST'],
  ['HTTP/1.2 in its line', 'GET /healthz HTTP/1.2\r\nHost: localhost\r\n\r\n', 400, 'INVALID_REQUEST'],
  ['the preface of HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 400, 'INVALID_REQUEST'],
  [
    'a tunnel in mind',
    'CONNECT localhost:443 HTTP/1.1\r\nHost: localhost:443\r\n\r\n',
    405,
    'METHOD_NOT_ALLOWED',
  ],
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

test('a version that is not spoken ends the connection', async (t) => {
  const { raw } = await startServer(t);
  const client = await raw();
  client.send('GET /healthz HTTP/2.0\r\nHost: localhost\r\n\r\n');
  t.is((await client.response()).headers['connection'], 'close');
  await client.closed;
});

test('HTTP/1.0 is spoken', async (t) => {
  const { raw } = await startServer(t);
  const client = await raw();
  t.is((await client.send('GET /healthz HTTP/1.0\r\nHost: localhost\r\n\r\n').response()).status, 200);
  await client.closed;
});

const twice: [title: string, headers: string[], kept: string | undefined][] = [
  ['two ids', ['X-Request-Id: a', 'x-request-id: b'], undefined],
  ['the same id twice', ['X-Request-Id: a', 'X-Request-Id: a'], undefined],
  ['an id and an empty one', ['X-Request-Id: a', 'X-Request-Id:'], undefined],
  ['one id with a comma', ['X-Request-Id: a, b'], 'a, b'],
];
for (const [title, headers, kept] of twice) {
  test(`a request with ${title} has one id`, async (t) => {
    const { raw, invoker } = await startServer(t);
    const client = await raw();
    for (const path of ['/healthz', '/invoke/hello', '/nowhere']) {
      const id = (await client.send(head(`GET ${path}`, ...headers)).response()).headers['x-request-id'];
      if (kept !== undefined) t.is(id, kept, path);
      else t.regex(id ?? '', /^[0-9a-f-]{36}$/, path);
    }
    t.is(invoker.admitted[0]?.isOurId, kept === undefined);
  });
}

test('CONNECT is answered, observed, and the connection ends; bytes for the tunnel are dropped', async (t) => {
  const { raw, observed, server } = await startServer(t);
  const client = await raw();
  client.send('CONNECT example.org:443 HTTP/1.1\r\nHost: example.org:443\r\nX-Request-Id: r1\r\n\r\n');
  client.send(head('GET /invoke/hello'));
  const { status, headers, body } = await client.response();
  t.is(status, 405);
  t.is(headers['allow'], 'DELETE, GET, HEAD, PATCH, POST, PUT');
  t.is(headers['connection'], 'close');
  t.is(headers['x-request-id'], 'r1');
  t.is(headers['x-content-type-options'], 'nosniff');
  t.is(envelope(body).requestId, 'r1');
  client.socket.end();
  await client.closed;
  t.deepEqual(client.errors, []);
  t.deepEqual(
    observed.map(({ route, method, status: seen }) => [route, method, seen]),
    [['none', 'OTHER', 405]],
  );
  await server.close(60_000);
});

test('a client that goes on sending through its tunnel does not hold the stop up', async (t) => {
  const { raw, server } = await startServer(t);
  const client = await raw();
  client.send('CONNECT example.org:443 HTTP/1.1\r\nHost: example.org:443\r\n\r\n');
  t.is((await client.response()).status, 405);
  client.send('more');
  await server.close(60_000);
  await client.closed;
});

test('CONNECT behind a running call is never taken for a request that the call answers', async (t) => {
  const { raw, invoker } = await startServer(t);
  const { entered } = invoker.hold();
  const client = await raw();
  client.send(head('GET /invoke/hello'));
  const signal = await entered;
  client.send('CONNECT example.org:443 HTTP/1.1\r\nHost: example.org:443\r\n\r\n');
  await client.closed;
  await t.throwsAsync(client.response());
  await invoker.settled();
  t.true(signal.aborted);
});

const upgrades: [title: string, headers: string[]][] = [
  [
    'a WebSocket',
    ['Connection: Upgrade', 'Upgrade: websocket', 'Sec-WebSocket-Key: a', 'Sec-WebSocket-Version: 13'],
  ],
  ['HTTP/2', ['Connection: Upgrade, HTTP2-Settings', 'Upgrade: h2c', 'HTTP2-Settings: AA']],
];
for (const [title, headers] of upgrades) {
  test(`a client that offers to upgrade to ${title} is answered in HTTP/1.1, and that the connection ends`, async (t) => {
    const { raw, invoker } = await startServer(t);
    const client = await raw();
    // Node reads nothing that comes behind such a request, so a next one would wait for an answer in vain.
    const post = head('POST /invoke/hello', ...headers, 'Content-Length: 2') + 'ok';
    const response = await client.send(post + head('GET /healthz')).response();
    t.is(response.body, '"hi"');
    t.is(response.headers['connection'], 'close');
    await client.closed;
    t.is(invoker.ran[0]?.body.toString(), 'ok');
    t.false(invoker.ran[0]?.headers.some(([name]) => /upgrade|http2/.test(name)));
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

test('garbage behind a running call is never taken for the answer of the call', async (t) => {
  const { raw, invoker } = await startServer(t);
  const { entered } = invoker.hold();
  const client = await raw();
  client.send(`${head('POST /invoke/hello', 'Transfer-Encoding: chunked')}0\r\n\r\n`);
  await entered;
  client.send('garbage\r\n\r\n');
  await client.closed;
  await t.throwsAsync(client.response());
});

test('a smuggled second request inside a body stays a body', async (t) => {
  const { raw, invoker } = await startServer(t);
  const inner = head('DELETE /del/hello');
  const client = await raw();
  client.send(head('POST /invoke/hello', `Content-Length: ${inner.length}`) + inner + head('GET /healthz'));
  t.is((await client.response()).body, '"hi"');
  t.is((await client.response()).body, '{"status":"ok"}\n');
  t.is(invoker.ran[0]?.body.toString(), inner);
});

test('a refused body is not taken for the next request', async (t) => {
  const { raw } = await startServer(t);
  const inner = head('DELETE /del/hello');
  const client = await raw();
  client.send(head('POST /nowhere', `Content-Length: ${inner.length}`) + inner + head('GET /healthz'));
  t.is((await client.response()).status, 404);
  t.is((await client.response()).body, '{"status":"ok"}\n');
});

test('a target in absolute form is routed by its path, and its authority is the host', async (t) => {
  const { raw } = await startServer(t);
  const client = await raw();
  t.is((await client.send(head('GET http://127.0.0.1:1/healthz?x')).response()).status, 200);
  t.is((await client.send(head('GET http://evil.example/healthz')).response()).status, 421);
  t.is((await client.send(head('GET http://localhost')).response()).status, 200);
  t.is((await client.send(head('GET http://localhost/nowhere')).response()).status, 404);
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

test('a user name and a password before the host of a target are not repeated in the refusal', async (t) => {
  const { raw } = await startServer(t);
  const client = await raw();
  const request = 'GET http://ada:canary@localhost/healthz HTTP/1.1\r\nHost: localhost\r\n\r\n';
  const response = await client.send(Buffer.from(request)).response();
  t.is(response.status, 421);
  t.notRegex(String(response.body), /ada|canary/);
});
