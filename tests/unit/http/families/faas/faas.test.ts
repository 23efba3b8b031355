import { readFile } from 'node:fs/promises';
import test from 'ava';
import { GlambdarError } from '../../../../../src/errors.js';
import { answer } from '../../fakes.js';
import { head, startServer } from '../../server-fixture.js';

const data = (value: unknown): RequestInit => ({ method: 'POST', body: JSON.stringify(value) });
const tar = Buffer.from('not looked at by the fake pipeline');
const good = { name: 'hello', file: tar.toString('base64') };
const FAILED = 'Failed to deploy function';

test('ping answers pong', async (t) => {
  const { get } = await startServer(t);
  const { response, json } = await get('/ping');
  t.is(response.status, 200);
  t.is(response.headers.get('content-type'), 'application/json; charset=utf-8');
  t.truthy(response.headers.get('x-request-id'));
  t.deepEqual(json, { message: 'pong' });
});

for (const path of ['/functions', '/functions/']) {
  for (const type of ['application/json', 'application/x-www-form-urlencoded', 'nonsense', undefined]) {
    test(`a deploy to ${path} as ${type ?? 'no type'} hands the tar to the pipeline and answers where to call`, async (t) => {
      const { get, url, registry } = await startServer(t);
      let content: Buffer | undefined;
      registry.onDeploy = async ({ source }) => void (content = await readFile(source.path));
      const body = JSON.stringify({ ...good, file: good.file.replace(/.{8}/g, '$&\n') });
      const { response, json } = await get(path, {
        method: 'POST',
        body: Buffer.from(body),
        headers: type === undefined ? {} : { 'content-type': type },
      });
      t.is(response.status, 200);
      t.deepEqual(json, { invoke: `${url}/functions/hello` });
      t.deepEqual(content, tar);
      t.like(registry.deploys[0], {
        source: { format: 'archive', packaging: 'faas' },
        ref: { namespace: 'default', name: 'hello' },
        fields: { contract: 'faas' },
      });
    });
  }
}

test('where to call comes from the public URL, and never from the Host header', async (t) => {
  const { raw, url } = await startServer(t);
  const body = JSON.stringify(good);
  const length = `Content-Length: ${body.length}`;
  const request = `POST /functions HTTP/1.1\r\nHost: localhost:1\r\n${length}\r\n\r\n${body}`;
  t.deepEqual(JSON.parse((await (await raw()).send(request).response()).body), {
    invoke: `${url}/functions/hello`,
  });
  const behind = await startServer(t, { config: { publicUrl: new URL('https://example.org/fn/') } });
  t.deepEqual((await behind.get('/functions', data(good))).json, {
    invoke: 'https://example.org/fn/functions/hello',
  });
  const open = await startServer(t, { config: { host: '0.0.0.0' } });
  t.deepEqual((await open.get('/functions', data(good))).json, { invoke: `${open.url}/functions/hello` });
});

const unreadable = { message: 'Failed to get function data from request body' };
const failed = (info: RegExp | string) => ({ message: FAILED, info });
const refused: [what: string, body: string, expected: { message: string; info?: RegExp | string }][] = [
  ['no body', '', unreadable],
  ['no JSON', 'name=hello', unreadable],
  ['JSON that is cut in the file', JSON.stringify(good).slice(0, -4), unreadable],
  ['JSON that is cut behind the file', JSON.stringify(good).slice(0, -1), unreadable],
  ['no JSON with no base64 in it', '{"name":"hello","file":"<!>"', unreadable],
  ['JSON that is not UTF-8', '{"name":"\xff"}', unreadable],
  ['an array', '[]', unreadable],
  ['null', 'null', unreadable],
  ['a number', '5', unreadable],
  ['no name', JSON.stringify({ file: good.file }), failed(/"name" is missing/)],
  ['a name that is a number', JSON.stringify({ ...good, name: 5 }), failed(/"name" is missing/)],
  ['an empty name', JSON.stringify({ ...good, name: '' }), failed(/The name "" cannot be used/)],
  [
    'a name with a slash',
    JSON.stringify({ ...good, name: '../x' }),
    failed(/The name "\.\.\/x" cannot be used/),
  ],
  ['no file', JSON.stringify({ name: 'hello' }), failed(/"file" is missing/)],
  ['a file that is a number', JSON.stringify({ ...good, file: 5 }), failed(/"file" is missing/)],
  ['a file that is no base64', JSON.stringify({ ...good, file: 'no!' }), failed(/"file" is not base64/)],
  ['two files', '{"name":"hello","file":"AAAA","file":"AAAA"}', failed(/more than once/)],
  ['much else', JSON.stringify({ ...good, more: 'x'.repeat(70_000) }), failed(/more than 65536 bytes/)],
  [
    'a file over the limit',
    JSON.stringify({ ...good, file: 'AAAA'.repeat(33_400) }),
    failed(/larger than 100000 bytes/),
  ],
  [
    'a file one byte over the limit',
    JSON.stringify({ ...good, file: Buffer.alloc(100_001).toString('base64') }),
    failed(/larger than 100000 bytes/),
  ],
  [
    'a body far over the limit',
    JSON.stringify({ ...good, file: 'AAAA'.repeat(100_000) }),
    failed(/larger than 100000 bytes/),
  ],
];
for (const [what, body, expected] of refused) {
  test(`a deploy of ${what} is refused with 400`, async (t) => {
    const { get, registry } = await startServer(t);
    const { response, json } = await get('/functions', { method: 'POST', body: Buffer.from(body, 'latin1') });
    t.is(response.status, 400);
    t.is(response.headers.get('content-type'), 'application/json; charset=utf-8');
    t.is(json['message'], expected.message);
    if (expected.info === undefined) t.deepEqual(Object.keys(json), ['message']);
    else t.regex(json['info'] as string, new RegExp(expected.info));
    t.deepEqual(registry.deploys, []);
  });
}

test('a file of exactly the limit is taken, with a line break after every 64 characters', async (t) => {
  const { get, registry } = await startServer(t);
  let size = 0;
  registry.onDeploy = async ({ source }) => void (size = (await readFile(source.path)).length);
  const file = Buffer.alloc(100_000, 1).toString('base64').replace(/.{64}/g, '$&\r\n');
  t.is((await get('/functions', data({ ...good, file }))).response.status, 200);
  t.is(size, 100_000);
});

test('an endless body is refused without waiting for its end', async (t) => {
  const { raw, uploads } = await startServer(t);
  const client = await raw();
  client.send(head('POST /functions', 'Transfer-Encoding: chunked'));
  const chunk = '\n'.repeat(50_000);
  client.send(`b\r\n{"file": "A\r\n`);
  for (let count = 0; count < 8; count += 1) client.send(`${chunk.length.toString(16)}\r\n${chunk}\r\n`);
  const { status, body } = await client.response();
  t.is(status, 400);
  t.regex(body, /larger than 100000 bytes/);
  t.deepEqual(await uploads(), []);
  client.socket.destroy();
});

test('a client that leaves in the middle of its deploy leaves no file and no log entry', async (t) => {
  const { raw, uploads, logged, observed, registry } = await startServer(t);
  const client = await raw();
  client.send(head('POST /functions', 'Expect: 100-continue', 'Content-Length: 5000'));
  t.is((await client.response()).status, 100);
  client.send('{"name":"hello","file":"AAAA');
  while ((await uploads()).length === 0) await new Promise((resolve) => setImmediate(resolve));
  client.socket.destroy();
  while (observed.length === 0 || (await uploads()).length > 0)
    await new Promise((resolve) => setImmediate(resolve));
  t.deepEqual(logged, []);
  t.deepEqual(registry.deploys, []);
});

for (const code of [
  'INVALID_BUNDLE',
  'LOAD_FAILED',
  'BUNDLE_TOO_LARGE',
  'AT_CAPACITY',
  'INTERNAL',
] as const) {
  test(`a deploy that fails with ${code} answers 400 and why`, async (t) => {
    const { get, registry } = await startServer(t);
    registry.onDeploy = () => {
      throw new GlambdarError(code, 'Because.');
    };
    const { response, json } = await get('/functions', data(good));
    t.is(response.status, 400);
    t.deepEqual(json, { message: FAILED, info: 'Because.' });
  });
}

test('a full disk answers 507, as in every family', async (t) => {
  const { get, registry } = await startServer(t);
  registry.onDeploy = () => {
    throw new GlambdarError('DISK_FULL', 'Full.');
  };
  const { response, json } = await get('/functions', data(good));
  t.is(response.status, 507);
  t.deepEqual(json, { message: FAILED, info: 'Full.' });
});

test('a call gives the function the body as it is, and its answer as text in JSON', async (t) => {
  const { url, get, invoker } = await startServer(t);
  invoker.handler = ({ body }) =>
    answer({
      body,
      statusCode: 201,
      headers: [
        ['content-type', 'text/plain'],
        ['set-cookie', 'a=1'],
      ],
    });
  const body = '{"hello": "wörld"}\n';
  const { response, json } = await get('/functions/hello?x=1', { method: 'POST', body });
  t.is(response.status, 200);
  t.is(response.headers.get('content-type'), 'application/json; charset=utf-8');
  t.is(response.headers.get('set-cookie'), null);
  t.truthy(response.headers.get('x-invocation-id'));
  t.deepEqual(json, { response: body });
  t.is((await (await fetch(`${url}/functions/hello`, { method: 'POST', body })).text()).at(-1), '\n');
  t.like(invoker.ran[0], { method: 'POST', path: '/', query: 'x=1', body: Buffer.from(body) });
  t.regex(invoker.ran[0]!.clientTarget, /^\/functions\/\w+\?x=1$/);
});

for (const [what, body, text] of [
  ['JSON', '{"hello":"world"}', '{"hello":"world"}'],
  ['nothing', '', ''],
  ['text', 'a "b"\n', 'a "b"\n'],
] as const) {
  test(`an answer of ${what} is the string of the response`, async (t) => {
    const { get, invoker } = await startServer(t);
    invoker.handler = () => answer({ body: Buffer.from(body) });
    t.deepEqual((await get('/functions/hello', data({}))).json, { response: text });
  });
}

for (const [what, path, code, message] of [
  ['an unknown function', '/functions/nope', undefined, 'Function not found!'],
  ['a name that no function can have', '/functions/..%2fx', undefined, 'Function not found!'],
  ['a function that fails', '/functions/hello', 'FUNCTION_ERROR', 'Because.'],
  ['a function that takes too long', '/functions/hello', 'INVOCATION_TIMEOUT', 'Because.'],
  ['a function that is called too often', '/functions/hello', 'RATE_LIMITED', 'Because.'],
  ['a full server', '/functions/hello', 'AT_CAPACITY', 'Because.'],
] as const) {
  test(`a call of ${what} answers 400 with the message alone`, async (t) => {
    const { get, invoker } = await startServer(t);
    if (code !== undefined)
      invoker.handler = () => {
        throw new GlambdarError(code, 'Because.', { retryAfterSeconds: 2 });
      };
    const { response, json } = await get(path, data({}));
    t.is(response.status, 400);
    t.is(response.headers.get('retry-after'), code === undefined ? null : '2');
    t.deepEqual(json, { message });
  });
}

test('a body over the limit of calls answers 400', async (t) => {
  const { get, invoker } = await startServer(t);
  const { response, json } = await get('/functions/hello', { method: 'POST', body: 'x'.repeat(1001) });
  t.is(response.status, 400);
  t.deepEqual(json, {
    message:
      'The request body is larger than 1000 bytes, the limit that GLAMBDAR_MAX_BODY_BYTES sets on this server.',
  });
  t.is(invoker.abandoned, 1);
});

test('a function of another contract that answers with a status of failure has failed', async (t) => {
  const { get, invoker } = await startServer(t);
  invoker.handler = () => answer({ statusCode: 404, body: Buffer.from('no such cat') });
  const { response, json } = await get('/functions/hello', data({}));
  t.is(response.status, 400);
  t.deepEqual(json, { message: 'The function answered with status 404: no such cat' });
});

for (const [method, path, allow] of [
  ['POST', '/ping', 'GET, HEAD'],
  ['DELETE', '/functions', 'GET, HEAD, POST'], // the gateway's registry answers reading
  ['PUT', '/functions/', 'POST'],
  ['GET', '/functions/hello', 'POST'],
  ['DELETE', '/functions/hello', 'POST'],
] as const) {
  test(`${method} ${path} answers 400 and names the methods that the path has`, async (t) => {
    const { get } = await startServer(t);
    const { response, json } = await get(path, { method });
    t.is(response.status, 400);
    t.is(response.headers.get('allow'), allow);
    t.deepEqual(json, { message: `This path answers ${allow} only.` });
  });
}

for (const [method, path] of [
  ['POST', '/functions/hello/rollback'],
  ['GET', '/functions/hello/version'],
  ['GET', '/functionsx'],
  ['GET', '/pingx'],
] as const) {
  test(`${method} ${path} is no path of this family`, async (t) => {
    const { get } = await startServer(t);
    const { response, json } = await get(path, { method });
    t.true([400, 404, 405].includes(response.status));
    t.deepEqual(Object.keys(json), ['error', 'code', 'requestId']);
  });
}

for (const [what, headers, status] of [
  ['another Host', { host: 'evil.example' }, 421],
  ['a page of another site', { origin: 'http://evil.example' }, 403],
] as const) {
  test(`a request of ${what} is refused as in every family, in this envelope`, async (t) => {
    const { raw } = await startServer(t);
    const lines = Object.entries({ host: 'localhost', ...headers }).map(
      ([name, value]) => `${name}: ${value}\r\n`,
    );
    const client = await raw();
    const { status: got, body } = await client
      .send(`POST /functions HTTP/1.1\r\n${lines.join('')}Content-Length: 2\r\n\r\n{}`)
      .response();
    t.is(got, status);
    t.is((JSON.parse(body) as { message: string }).message, FAILED);
  });
}

test('metrics see the patterns of the paths', async (t) => {
  const { get, observed } = await startServer(t);
  await get('/functions/hello', data({}));
  await get('/functions', data(good));
  await get('/ping');
  while (observed.length < 3) await new Promise((resolve) => setImmediate(resolve));
  t.deepEqual(
    observed.map(({ route, status }) => [route, status]),
    [
      ['/functions/:name', 200],
      ['/functions', 200],
      ['/ping', 200],
    ],
  );
});
