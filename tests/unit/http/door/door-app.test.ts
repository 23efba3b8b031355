import { BlockList } from 'node:net';
import test from 'ava';
import { GlambdarError } from '../../../../src/errors.js';
import type { CorsSettings } from '../../../../src/model/function/cors.js';
import { answer } from '../fakes.js';
import { head } from '../server-fixture.js';
import { AccountsFixture } from '../../accounts/accounts-fixture.js';
import { startDoor } from './door-fixture.js';

const HELLO = { namespace: 'default', name: 'hello' };
const PAGE = 'https://app.example.com';
const CORS: CorsSettings = {
  origins: [PAGE],
  methods: ['POST'],
  headers: ['*'],
  credentials: true,
  maxAge: 60,
};

test('a public function gets the request as it came, by whatever method', async (t) => {
  const { raw, invoker } = await startDoor(t);
  const client = await raw();
  for (const method of ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']) {
    const request = head(
      `${method} /hello/a%20b?x=1`,
      'X-A: 1',
      'Origin: https://evil.example',
      'Content-Length: 2',
    );
    t.is((await client.send(`${request}{}`).response()).status, 200, method);
    t.deepEqual(invoker.ran.pop(), {
      method,
      path: '/a%20b',
      basePath: '/hello',
      query: 'x=1',
      headers: [
        ['x-a', '1'],
        ['origin', 'https://evil.example'],
      ],
      host: 'localhost',
      protocol: 'http',
      clientAddress: '127.0.0.1',
      body: Buffer.from('{}'),
      clientMethod: method,
      clientTarget: '/hello/a%20b?x=1',
    });
  }
  t.is((await client.send(head('HEAD /hello')).response({ head: true })).body, '');
  t.like(invoker.ran.pop(), { method: 'GET', clientMethod: 'HEAD' });
});

test('an answer is the function’s own: no sandbox, its cookies, its headers, its word on types', async (t) => {
  const { raw, invoker } = await startDoor(t);
  invoker.handler = () =>
    answer({
      headers: [
        ['content-type', 'text/html'],
        ['set-cookie', 'a=1; Path=/'],
        ['set-cookie', 'b=2; HttpOnly'],
        ['access-control-allow-origin', '*'],
        ['content-security-policy', "default-src 'self'"],
        ['x-content-type-options', 'nosniff'],
        ['x-request-id', 'forged'],
      ],
    });
  const client = await raw();
  const response = await client
    .send(head('GET /hello', 'Origin: https://evil.example', 'X-Request-Id: mine'))
    .response();
  t.deepEqual(
    response.head
      .trimEnd()
      .split('\r\n')
      .slice(1)
      .filter((line) => !/^(Date|Server-Timing|Connection|Keep-Alive):/.test(line)),
    [
      'X-Request-Id: mine',
      'X-Invocation-Id: inv-mine',
      'content-type: text/html',
      'set-cookie: a=1; Path=/',
      'set-cookie: b=2; HttpOnly',
      'access-control-allow-origin: *',
      "content-security-policy: default-src 'self'",
      'x-content-type-options: nosniff',
      'Content-Length: 4',
    ],
  );
  invoker.handler = () => answer();
  const plain = await client.send(head('GET /hello')).response();
  t.false('content-security-policy' in plain.headers || 'x-content-type-options' in plain.headers);
});

test('a page of any site may send any request: a function has no API beside it to protect', async (t) => {
  const { raw, invoker } = await startDoor(t);
  const client = await raw();
  for (const headers of [
    ['Origin: https://evil.example', 'Sec-Fetch-Site: cross-site', 'Sec-Fetch-Mode: cors'],
    ['Origin: null', 'Sec-Fetch-Site: cross-site'],
    ['Sec-Fetch-Site: same-site'],
  ])
    t.is((await client.send(head('POST /hello', ...headers)).response()).status, 200);
  t.is((await client.send('GET /hello HTTP/1.1\r\nHost: evil.example:1\r\n\r\n').response()).status, 200);
  t.is(invoker.ran.length, 4);
});

test('an unknown function, one that is not public, and an address of none get one and the same answer', async (t) => {
  const { raw, invoker } = await startDoor(t);
  const client = await raw();
  const ask = async (target: string, method = 'GET') =>
    client
      .send(`${method} ${target} HTTP/1.1\r\nHost: localhost\r\nX-Request-Id: r\r\n\r\n`)
      .response({ head: method === 'HEAD' });
  for (const method of ['GET', 'HEAD', 'POST', 'OPTIONS', 'DELETE']) {
    const unknown = await ask('/nobody', method);
    t.is(unknown.status, 404);
    for (const target of [
      '/secret',
      '/secret/x?y',
      '/',
      '/..',
      '/%00',
      '/info/hello',
      '/deploy',
      '/healthz',
    ]) {
      const { head: own, body } = await ask(target, method);
      t.is(own.replace(/Date: .*/, ''), unknown.head.replace(/Date: .*/, ''), `${method} ${target}`);
      t.is(body, unknown.body);
    }
  }
  t.deepEqual(JSON.parse((await ask('/secret')).body), {
    error: 'Function not found!',
    code: 'FUNCTION_NOT_FOUND',
    requestId: 'r',
  });
  t.is(invoker.admitted.length, 0);
});

test('a function that stops being public is gone with the next request', async (t) => {
  const { url, put } = await startDoor(t);
  t.is((await fetch(`${url}/hello`)).status, 200);
  put(HELLO, { public: false });
  t.is((await fetch(`${url}/hello`)).status, 404);
});

test('other methods get 405 whether there is a function or not, and no tunnel is opened', async (t) => {
  const { raw, invoker } = await startDoor(t);
  for (const line of [
    'PROPFIND /hello',
    'TRACE /hello',
    'PROPFIND /nobody',
    'CONNECT hello:443',
    'CONNECT /hello',
  ]) {
    const client = await raw();
    t.is((await client.send(head(line)).response()).status, 405, line);
    client.socket.destroy();
  }
  t.is(invoker.admitted.length, 0);
});

test('an upgrade is not made: the function gets a plain request', async (t) => {
  const { raw, invoker } = await startDoor(t);
  const client = await raw();
  const upgrade = ['Connection: Upgrade', 'Upgrade: websocket', 'Sec-WebSocket-Version: 13'];
  t.is((await client.send(head('GET /hello', ...upgrade)).response()).status, 200);
  t.deepEqual(invoker.ran[0]?.headers, [['sec-websocket-version', '13']]);
  await client.closed;
});

test('a host that could be read in two ways is refused', async (t) => {
  const { raw, invoker } = await startDoor(t, { domain: 'fn.example.com' });
  for (const request of [
    'GET /hello HTTP/1.1\r\n\r\n',
    'GET /hello HTTP/1.1\r\nHost:\r\n\r\n',
    'GET /hello HTTP/1.1\r\nHost: a\r\nHost: hello.fn.example.com\r\n\r\n',
    'GET /hello HTTP/1.1\r\nHost: a, hello.fn.example.com\r\n\r\n',
    'GET /hello HTTP/1.1\r\nHost: x@hello.fn.example.com\r\n\r\n',
    'GET /hello HTTP/1.1\r\nHost: hello.fn.example.com/x\r\n\r\n',
    'GET http://x@hello.fn.example.com/ HTTP/1.1\r\nHost: a\r\n\r\n',
  ]) {
    const client = await raw();
    t.is((await client.send(request).response()).status, 400, request);
    client.socket.destroy();
  }
  t.is(invoker.admitted.length, 0);
  const old = await raw();
  t.is((await old.send('GET /hello HTTP/1.0\r\n\r\n').response()).status, 200, 'HTTP/1.0 has no Host');
});

test('below a domain the host names the function, in any case and with any port, and the path is all its own', async (t) => {
  const { raw, invoker } = await startDoor(t, { domain: 'fn.example.com' });
  for (const [target, host] of [
    ['/secret/x?y', 'hello.fn.example.com'],
    ['/secret/x?y', 'HELLO.Fn.Example.com:8443'],
    ['http://hello.fn.example.com:80/secret/x?y', 'secret.fn.example.com'],
  ] as const) {
    const client = await raw();
    t.is((await client.send(`GET ${target} HTTP/1.1\r\nHost: ${host}\r\n\r\n`).response()).status, 200);
    t.like(invoker.ran.pop(), { path: '/secret/x', query: 'y', basePath: '' });
    client.socket.destroy();
  }
  const client = await raw();
  const refused = await client.send('GET /hello HTTP/1.1\r\nHost: secret.fn.example.com\r\n\r\n').response();
  t.is(refused.status, 404, 'a path says nothing where a host names the function');
});

test('with accounts the namespace is part of the address', async (t) => {
  const { raw, invoker, put } = await startDoor(t, { domain: 'fn.example.com', withNamespaces: true });
  put({ namespace: 'ada', name: 'hello' }, { public: true });
  put({ namespace: 'bob', name: 'hello' });
  const client = await raw();
  const ask = async (target: string, host = 'localhost') =>
    (await client.send(`GET ${target} HTTP/1.1\r\nHost: ${host}\r\n\r\n`).response()).status;
  t.is(await ask('/ada/hello/x'), 200);
  t.like(invoker.ran.pop(), { path: '/x', basePath: '/ada/hello' });
  t.is(await ask('/x', 'hello--ada.fn.example.com'), 200);
  t.like(invoker.ran.pop(), { path: '/x', basePath: '' });
  for (const [target, host] of [
    ['/hello', 'localhost'],
    ['/bob/hello', 'localhost'],
    ['/ada%2fhello', 'localhost'],
    ['/ada/hello', 'hello--bob.fn.example.com'],
    ['/ada/hello', 'hello.fn.example.com'],
  ] as const)
    t.is(await ask(target, host), 404, `${target} ${host}`);
  t.is(await ask('/default/hello'), 200);
});

test('a preflight of a function with cors is answered without a call', async (t) => {
  const { raw, invoker, put, observed } = await startDoor(t);
  put(HELLO, { public: true, cors: CORS });
  const client = await raw();
  const preflight = (origin: string) =>
    head(
      'OPTIONS /hello/x',
      `Origin: ${origin}`,
      'Access-Control-Request-Method: POST',
      'Access-Control-Request-Headers: x-a',
      'X-Request-Id: r',
    );
  const allowed = await client.send(preflight(PAGE)).response();
  t.is(allowed.status, 204);
  t.like(allowed.headers, {
    'access-control-allow-origin': PAGE,
    'access-control-allow-credentials': 'true',
    'access-control-allow-methods': 'POST',
    'access-control-allow-headers': 'x-a',
    'access-control-max-age': '60',
    vary: 'Origin',
    'x-request-id': 'r',
  });
  const foreign = await client.send(preflight('https://evil.example')).response();
  t.is(foreign.status, 204);
  t.deepEqual(
    Object.keys(foreign.headers).filter((name) => name.startsWith('access-control')),
    [],
  );
  t.is(invoker.admitted.length, 0);
  t.is((await client.send(head('OPTIONS /hello', `Origin: ${PAGE}`)).response()).status, 200);
  t.is(invoker.ran.pop()?.method, 'OPTIONS', 'an OPTIONS that is no preflight is the function’s');
  t.deepEqual(
    observed.map(({ route }) => route),
    ['functions:preflight', 'functions:preflight', 'functions:/:name'],
  );
});

test('without cors a preflight reaches the function', async (t) => {
  const { raw, invoker } = await startDoor(t);
  invoker.handler = () =>
    answer({ statusCode: 204, headers: [['access-control-allow-origin', 'https://a.example']] });
  const client = await raw();
  const { status, headers } = await client
    .send(head('OPTIONS /hello', `Origin: ${PAGE}`, 'Access-Control-Request-Method: POST'))
    .response();
  t.is(status, 204);
  t.is(headers['access-control-allow-origin'], 'https://a.example');
});

test('answers and errors of a function with cors say who may read them, whatever the function says', async (t) => {
  const { raw, invoker, put } = await startDoor(t);
  put(HELLO, { public: true, cors: CORS });
  invoker.handler = () =>
    answer({
      headers: [
        ['Access-Control-Allow-Origin', '*'],
        ['access-control-expose-headers', 'x-b'],
        ['vary', 'Accept'],
        ['set-cookie', 'a=1'],
        ['set-cookie', 'b=2'],
      ],
    });
  const client = await raw();
  const ask = async (origin: string) => client.send(head('POST /hello', `Origin: ${origin}`)).response();
  t.like((await ask(PAGE)).headers, {
    'access-control-allow-origin': PAGE,
    'access-control-allow-credentials': 'true',
    'access-control-expose-headers': 'x-b',
    vary: 'Accept, Origin',
    'set-cookie': 'a=1, b=2',
  });
  const foreign = await ask('https://evil.example');
  t.is(foreign.status, 200, 'the browser keeps the answer from the page');
  t.false('access-control-allow-origin' in foreign.headers);
  invoker.handler = () => {
    throw new GlambdarError('FUNCTION_ERROR', 'no');
  };
  t.like(await ask(PAGE), { status: 500 });
  t.like((await ask(PAGE)).headers, { 'access-control-allow-origin': PAGE, vary: 'Origin' });
  invoker.refuse = new GlambdarError('RATE_LIMITED', 'no', { retryAfterSeconds: 1 });
  t.like((await ask(PAGE)).headers, { 'access-control-allow-origin': PAGE, 'retry-after': '1' });
});

test('a trusted proxy says who calls, by which protocol and under which host', async (t) => {
  const trustedProxies = new BlockList();
  trustedProxies.addAddress('127.0.0.1');
  const { raw, invoker } = await startDoor(t, { domain: 'fn.example.com', trustedProxies });
  const client = await raw();
  const forwarded = ['X-Forwarded-For: 6.6.6.6, 203.0.113.7', 'X-Forwarded-Proto: https'];
  const request = head('GET /x', ...forwarded, 'X-Forwarded-Host: hello.fn.example.com:8443');
  t.is((await client.send(request).response()).status, 200);
  t.like(invoker.ran[0], {
    clientAddress: '203.0.113.7',
    protocol: 'https',
    host: 'hello.fn.example.com:8443',
    path: '/x',
  });
  const broken = head('GET /hello', 'X-Forwarded-Host: a/b');
  t.is((await client.send(broken).response()).status, 400);
});

test('requests are counted under routes that no route of the API has', async (t) => {
  const { raw, observed } = await startDoor(t);
  const client = await raw();
  for (const line of ['GET /hello/x', 'GET /secret', 'PROPFIND /hello'])
    await client.send(head(line)).response();
  t.deepEqual(
    observed.map(({ route, status }) => [route, status]),
    [
      ['functions:/:name', 200],
      ['functions:none', 404],
      ['functions:none', 405],
    ],
  );
});

test('a function gets no token and no key of the control API, however it is spelt, and what else its caller sends', async (t) => {
  const { accounts, ...fixture } = new AccountsFixture();
  const { token, user } = await accounts.users.register('a@example.org', 'password', '192.0.2.1');
  const principal = {
    kind: 'user',
    id: user.id,
    user: user.id,
    namespace: user.id,
    role: 'deployer',
  } as const;
  const { text: key } = await accounts.keys.create(
    { ...principal, functions: null, mayBridge: false },
    { name: 'k' },
  );
  t.is(fixture.warnings.length, 0);
  const { raw, invoker } = await startDoor(t, {}, accounts.authentication);
  const client = await raw();
  const ended = `glm_${'A'.repeat(43)}`;
  for (const secret of [
    `Authorization: Bearer ${token}`,
    `Authorization: Bearer\t${token}`,
    `authorization: token ${token}`,
    `X-API-Key: ${token}`,
    `X-API-Key: ${key}`,
    `Authorization: Bearer ${key}`,
    `Authorization: Bearer ${ended}`,
    `X-Api-Key: x, ${key}`,
  ]) {
    t.is((await client.send(head('GET /hello', secret, 'X-A: 1')).response()).status, 200, secret);
    t.deepEqual(invoker.ran.pop()?.headers, [['x-a', '1']], secret);
  }
  for (const own of [
    'Bearer eyJhbGciOiJIUzI1NiJ9.e30.AAAA',
    `Bearer ${token.slice(0, -8)}AAAAAAAA`,
    'Basic YTpi',
    'x',
    '',
  ]) {
    const request = head('GET /hello', `Authorization: ${own}`, `X-API-Key: ${own}`);
    t.is((await client.send(request).response()).status, 200, own);
    t.deepEqual(
      invoker.ran.pop()?.headers,
      [
        ['authorization', own],
        ['x-api-key', own],
      ],
      own,
    );
  }
  for (const name of ['Authorization', 'X-API-Key']) {
    const twice = head('GET /hello', `${name}: of-the-function`, `${name.toLowerCase()}: Bearer ${token}`);
    const { status, body } = await client.send(twice).response();
    t.is(status, 400);
    t.regex(body, /is there 2 times/);
  }
  t.is(invoker.ran.length, 0);
});

test('without accounts both headers belong to the function', async (t) => {
  const { raw, invoker } = await startDoor(t);
  const client = await raw();
  await client
    .send(head('GET /hello', 'X-API-Key: glm_x', 'Authorization: a', 'Authorization: b'))
    .response();
  t.is(invoker.ran.pop()?.headers.length, 3);
});

test('a port that no host can have makes the host unclear', async (t) => {
  const { raw } = await startDoor(t);
  const client = await raw();
  for (const [port, status] of [
    [65535, 200],
    [65536, 400],
    [99999, 400],
  ] as const)
    t.is((await client.send(`GET /hello HTTP/1.1\r\nHost: x:${port}\r\n\r\n`).response()).status, status);
});

test('a chunked request of HTTP/1.0 is refused, and so is what comes behind it', async (t) => {
  const { raw, invoker } = await startDoor(t);
  const client = await raw();
  const chunked =
    'POST /hello HTTP/1.0\r\nHost: x\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n';
  client.send(`${chunked}0\r\n\r\n${head('GET /hello')}`);
  t.is((await client.response()).status, 400);
  await client.closed;
  t.is(invoker.ran.length, 0);
});
