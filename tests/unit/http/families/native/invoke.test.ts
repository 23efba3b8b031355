import test from 'ava';
import { GlambdarError } from '../../../../../src/errors.js';
import { answer } from '../../fakes.js';
import { head, startServer } from '../../server-fixture.js';

test('the function gets method, raw path, raw query, headers and exact bytes', async (t) => {
  const { raw, invoker } = await startServer(t);
  const client = await raw();
  const body = Buffer.from([0, 255, 254, 10, 13, 128]);
  const request = head(
    'PUT /invoke/hello/a%20b/../%2e//c?x=1&x=%zz&__proto__=2',
    'X-Request-Id: r1',
    'Content-Type: odd/thing',
    'X-Twice: 1',
    'x-twice: 2',
    'Connection: keep-alive, X-Hop',
    'X-Hop: secret',
    'Keep-Alive: 5',
    'TE: trailers',
    'Proxy-Connection: x',
    `Content-Length: ${body.length}`,
  );
  const response = await client.send(Buffer.concat([Buffer.from(request), body])).response();
  t.is(response.status, 200);
  t.deepEqual(invoker.admitted, [{ name: 'hello', id: 'r1', isOurId: false }]);
  t.deepEqual(invoker.ran, [
    {
      method: 'PUT',
      path: '/a%20b/../%2e//c',
      basePath: '/invoke/hello',
      query: 'x=1&x=%zz&__proto__=2',
      headers: [
        ['x-request-id', 'r1'],
        ['content-type', 'odd/thing'],
        ['x-twice', '1'],
        ['x-twice', '2'],
      ],
      host: 'localhost',
      protocol: 'http',
      clientAddress: '127.0.0.1',
      body,
      clientMethod: 'PUT',
      clientTarget: '/invoke/hello/a%20b/../%2e//c?x=1&x=%zz&__proto__=2',
    },
  ]);
});

test('the invoker is told whether an id was made here, so that it need not look for it', async (t) => {
  const { raw, invoker } = await startServer(t);
  const client = await raw();
  for (const [header, own] of [
    ['X-Other: 1', true],
    ['X-Request-Id: mine', false],
    ['X-Request-Id: \tüber', true],
  ] as const) {
    const { headers } = await client.send(head('GET /invoke/hello', header)).response();
    t.is(invoker.admitted.at(-1)?.isOurId, own, header);
    t.is(invoker.admitted.at(-1)?.id, headers['x-request-id']);
  }
});

const paths: [path: string, given: string, query: string][] = [
  ['/invoke/hello', '/', ''],
  ['/invoke/hello?', '/', ''],
  ['/invoke/hello?a', '/', 'a'],
  ['/invoke/hello/', '/', ''],
  ['/invoke/hello/?a=/b', '/', 'a=/b'],
  ['/invoke/hello//', '//', ''],
  ['/invoke/hello/x/y', '/x/y', ''],
  ['/invoke/%68ello/x', '/x', ''],
  ['/invoke/hello/%ff%ZZ', '/%ff%ZZ', ''],
];
for (const [path, given, query] of paths) {
  test(`${path} gives the function the path ${given} and the query "${query}"`, async (t) => {
    const { raw, invoker } = await startServer(t);
    const { status } = await (await raw()).send(head(`GET ${path}`)).response();
    t.is(status, 200);
    t.is(invoker.ran[0]?.path, given);
    t.is(invoker.ran[0]?.query, query);
  });
}

test("the answer is the function's, with framing and protection of ours", async (t) => {
  const { raw, invoker } = await startServer(t);
  invoker.handler = () =>
    answer({
      statusCode: 299,
      headers: [
        ['content-type', 'text/html'],
        ['set-cookie', 'a=1'],
        ['set-cookie', 'b=2'],
        ['content-security-policy', "default-src 'none'"],
        ['content-length', '3'],
        ['transfer-encoding', 'chunked'],
        ['connection', 'x-evil'],
        ['x-request-id', 'forged'],
        ['x-content-type-options', 'sniff'],
        ['server-timing', 'db;dur=1'],
      ],
      body: Buffer.from('<b>hello</b>'),
      start: 'standby',
      times: { queueMs: 0.12345, startMs: 1, loadMs: 2, runMs: 3.5 },
    });
  const client = await raw();
  const {
    status,
    headers,
    head: text,
    body,
  } = await client.send(head('GET /invoke/hello', 'X-Request-Id: r1')).response();
  t.is(status, 299);
  t.is(body, '<b>hello</b>');
  t.is(headers['content-length'], '12');
  t.is(headers['transfer-encoding'], undefined);
  t.is(headers['connection'], 'keep-alive');
  t.is(headers['x-request-id'], 'r1');
  t.is(headers['x-invocation-id'], 'inv-r1');
  t.is(headers['x-content-type-options'], 'nosniff');
  t.is(text.match(/set-cookie: /gi)?.length, 2);
  t.is(
    headers['content-security-policy'],
    "default-src 'none', sandbox allow-scripts allow-forms allow-popups allow-downloads",
  );
  t.is(
    headers['server-timing'],
    'db;dur=1, queue;dur=0.123, start;dur=1;desc="standby", load;dur=2, run;dur=3.5',
  );
});

for (const statusCode of [204, 304]) {
  test(`a ${statusCode} goes out without a body or a length, and the connection stays usable`, async (t) => {
    const { raw, invoker } = await startServer(t);
    invoker.handler = () => answer({ statusCode, body: Buffer.from('not wanted') });
    const client = await raw();
    const first = await client.send(head('GET /invoke/hello')).response();
    t.is(first.status, statusCode);
    t.is(first.headers['content-length'], undefined);
    t.is(first.headers['transfer-encoding'], undefined);
    invoker.handler = () => answer();
    t.is((await client.send(head('GET /invoke/hello')).response()).body, '"hi"');
  });
}

test('a 205 goes out with a length of 0 and no body, and the connection stays usable', async (t) => {
  const { raw, invoker } = await startServer(t);
  invoker.handler = () => answer({ statusCode: 205, body: Buffer.from('not wanted') });
  const client = await raw();
  for (const method of ['GET', 'HEAD']) {
    const { status, headers } = await client.send(head(`${method} /invoke/hello`)).response();
    t.is(status, 205);
    t.is(headers['content-length'], '0');
    t.is(headers['transfer-encoding'], undefined);
  }
  invoker.handler = () => answer();
  t.is((await client.send(head('GET /invoke/hello')).response()).body, '"hi"');
});

const full: [title: string, headers: [string, string][]][] = [
  ['100 headers', Array.from({ length: 100 }, (_, i) => [`x-${i}`, 'v'])],
  [
    '16 KiB of headers',
    Array.from({ length: 16 }, (_, i) => [`x-${String(i).padStart(2, '0')}`, 'v'.repeat(1020)]),
  ],
];
for (const [title, headers] of full) {
  test(`an answer with ${title} goes out whole`, async (t) => {
    const { raw, invoker } = await startServer(t);
    invoker.handler = () => answer({ headers });
    const response = await (await raw()).send(head('GET /invoke/hello')).response();
    t.is(response.status, 200);
    t.is(response.body, '"hi"');
    for (const [name, value] of headers) t.is(response.headers[name], value);
  });
}

test('HEAD is GET to the function and carries the length but no body', async (t) => {
  const { raw, invoker } = await startServer(t);
  const client = await raw();
  const { status, headers } = await client.send(head('HEAD /invoke/hello')).response({ head: true });
  t.is(status, 200);
  t.is(headers['content-length'], '4');
  t.is(invoker.ran[0]?.method, 'GET');
  t.is((await client.send(head('GET /invoke/hello')).response()).body, '"hi"');
});

test('an error of the function is its envelope with the id of the call', async (t) => {
  const { get, invoker, logged } = await startServer(t);
  invoker.handler = () => {
    throw new GlambdarError('FUNCTION_ERROR', 'boom');
  };
  const { response, json } = await get('/invoke/hello', {
    method: 'POST',
    headers: { 'x-request-id': 'r1' },
  });
  t.is(response.status, 500);
  t.deepEqual(json, { error: 'boom', code: 'FUNCTION_ERROR', requestId: 'r1' });
  t.is(response.headers.get('x-invocation-id'), 'inv-r1');
  t.deepEqual(logged, []);
});

test('answers on one connection keep their order and belong to their requests', async (t) => {
  const { raw, invoker } = await startServer(t);
  invoker.handler = (request) => answer({ body: request.body, headers: [['x-path', request.path]] });
  const client = await raw();
  for (let i = 0; i < 20; i++)
    client.send(head(`POST /invoke/hello/${i}`, `Content-Length: ${String(i).length}`) + i);
  for (let i = 0; i < 20; i++) {
    const { headers, body } = await client.response();
    t.is(headers['x-path'], `/${i}`);
    t.is(body, String(i));
  }
});
