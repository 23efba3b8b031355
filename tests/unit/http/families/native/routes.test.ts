import test from 'ava';
import { GlambdarError } from '../../../../../src/errors.js';
import { metadata } from '../../fakes.js';
import { head, startServer } from '../../server-fixture.js';

const table: [method: string, path: string, status: number, code?: string, allow?: string][] = [
  ['GET', '/info', 200],
  ['GET', '/info/hello', 200],
  ['HEAD', '/info/hello', 200],
  ['GET', '/info/other', 404, 'FUNCTION_NOT_FOUND'],
  ['GET', '/info/..%2f..%2fetc', 404, 'FUNCTION_NOT_FOUND'],
  ['GET', '/info/%ZZ', 404, 'FUNCTION_NOT_FOUND'],
  ['GET', '/info/a%00b', 404, 'FUNCTION_NOT_FOUND'],
  ['GET', '/info/__proto__', 404, 'FUNCTION_NOT_FOUND'],
  ['GET', '/info/hello/', 404, 'NOT_FOUND'],
  ['GET', '/INFO', 404, 'NOT_FOUND'],
  ['POST', '/info', 405, 'METHOD_NOT_ALLOWED', 'GET, HEAD'],
  ['DELETE', '/del/hello', 200],
  ['DELETE', '/del/other', 404, 'FUNCTION_NOT_FOUND'],
  ['GET', '/del/hello', 405, 'METHOD_NOT_ALLOWED', 'DELETE'],
  ['GET', '/deploy', 405, 'METHOD_NOT_ALLOWED', 'POST'],
  ['POST', '/deploy', 415, 'UNSUPPORTED_MEDIA_TYPE'],
  ['GET', '/config/hello', 405, 'METHOD_NOT_ALLOWED', 'POST'],
  ['GET', '/functions/hello/versions', 200],
  ['GET', '/functions/other/versions', 404, 'FUNCTION_NOT_FOUND'],
  ['POST', '/functions/hello/versions', 405, 'METHOD_NOT_ALLOWED', 'GET, HEAD'],
  ['POST', '/functions/other/rollback', 404, 'FUNCTION_NOT_FOUND'],
  ['POST', '/functions/hello/rollback', 400, 'INVALID_REQUEST'],
  ['HEAD', '/functions/hello/code', 200],
  ['GET', '/functions/other/code', 404, 'FUNCTION_NOT_FOUND'],
  ['GET', '/functions/hello/code?version=', 400, 'INVALID_REQUEST'],
  ['GET', '/functions/hello/code?version=0', 400, 'INVALID_REQUEST'],
  ['GET', '/functions/hello/code?version=-1', 400, 'INVALID_REQUEST'],
  ['GET', '/functions/hello/code?version=1e1', 400, 'INVALID_REQUEST'],
  ['GET', '/functions/hello/code?version=1&version=2', 400, 'INVALID_REQUEST'],
  ['GET', '/functions/hello/secrets', 200],
  ['GET', '/functions/other/secrets', 404, 'FUNCTION_NOT_FOUND'],
  ['GET', '/functions/..%2f..%2fetc/secrets', 404, 'FUNCTION_NOT_FOUND'],
  ['PUT', '/functions/other/secrets/A', 404, 'FUNCTION_NOT_FOUND'],
  ['GET', '/functions/hello/secrets/A', 405, 'METHOD_NOT_ALLOWED', 'DELETE, PUT'],
  ['DELETE', '/functions/hello/secrets/A', 404, 'SECRET_NOT_FOUND'],
  ['GET', '/functions/hello/secrets/', 404, 'NOT_FOUND'],
  ['GET', '/logs/hello', 200],
  ['GET', '/logs/other', 404, 'FUNCTION_NOT_FOUND'],
  ['GET', '/logs/hello?limit=0', 400, 'INVALID_REQUEST'],
  ['GET', '/logs/hello?limit=1001', 400, 'INVALID_REQUEST'],
  ['GET', '/logs/hello?limit=1e2', 400, 'INVALID_REQUEST'],
  ['GET', '/logs/hello?limit=', 400, 'INVALID_REQUEST'],
  ['GET', '/logs/hello?limit=1&limit=2', 400, 'INVALID_REQUEST'],
  ['GET', '/logs/hello?before=', 400, 'INVALID_REQUEST'],
  ['GET', '/logs/hello?follow=yes', 400, 'INVALID_REQUEST'],
  ['GET', '/logs/hello?follow=1&before=r1', 400, 'INVALID_REQUEST'],
  ['GET', '/logs/other?follow=1', 404, 'FUNCTION_NOT_FOUND'],
  ['GET', '/invocations/r1', 200],
  ['GET', '/invocations/r9', 404, 'INVOCATION_NOT_FOUND'],
  ['GET', '/healthz', 200],
  ['GET', '/readyz', 200],
  ['GET', '/nowhere', 404, 'NOT_FOUND'],
  ['GET', '/invoke/', 404, 'NOT_FOUND'],
  ['POST', '/invoke/other', 404, 'FUNCTION_NOT_FOUND'],
  ['POST', '/invoke//x', 404, 'FUNCTION_NOT_FOUND'],
  ['POST', '/invoke/%ZZ', 404, 'FUNCTION_NOT_FOUND'],
  ['POST', '/invoke/%ff%fe/x', 404, 'FUNCTION_NOT_FOUND'],
  ['POST', '/invoke/hello%2Fx', 404, 'FUNCTION_NOT_FOUND'],
  ['OPTIONS', '/invoke/hello', 405, 'METHOD_NOT_ALLOWED', 'DELETE, GET, HEAD, PATCH, POST, PUT'],
  ['PROPFIND', '/invoke/hello', 405, 'METHOD_NOT_ALLOWED', 'DELETE, GET, HEAD, PATCH, POST, PUT'],
  ['PROPFIND', '/nowhere', 404, 'NOT_FOUND'],
];

for (const [method, path, status, code, allow] of table) {
  test(`${method} ${path} answers ${status} ${code ?? ''}`, async (t) => {
    const { url } = await startServer(t);
    const response = await fetch(url + path, { method, headers: { 'x-request-id': 'mine' } });
    t.is(response.status, status);
    t.is(response.headers.get('x-request-id'), 'mine');
    t.is(response.headers.get('x-content-type-options'), 'nosniff');
    t.is(response.headers.get('allow'), allow ?? null);
    if (code !== undefined) {
      const body = (await response.json()) as Record<string, unknown>;
      t.deepEqual(Object.keys(body), ['error', 'code', 'requestId']);
      t.is(body['code'], code);
      t.is(body['requestId'], 'mine');
      if (code === 'FUNCTION_NOT_FOUND') t.is(body['error'], 'Function not found!');
    }
  });
}

test('lists, shows, removes and changes functions with the bodies of the contract', async (t) => {
  const { get, registry } = await startServer(t);
  t.deepEqual((await get('/info')).json, { count: 1, functions: [metadata] });
  t.deepEqual((await get('/info/hello')).json, { ...metadata });
  t.deepEqual((await get('/del/hello', { method: 'DELETE' })).json, { deleted: 'hello' });
  const { json } = await get('/config/hello', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: '{"memoryMb":256}',
  });
  t.deepEqual(json, { memoryMb: 256, function: 'hello', status: 'updated', version: 4 });
  t.deepEqual(registry.patches, [{ memoryMb: 256 }]);
});

const badSettings: [title: string, init: RequestInit][] = [
  ['bad JSON', { headers: { 'content-type': 'application/json' }, body: '{"a":' }],
  ['an array', { headers: { 'content-type': 'application/json' }, body: '[]' }],
  ['a bare string', { headers: { 'content-type': 'application/json' }, body: '"x"' }],
  ['an empty body', { headers: { 'content-type': 'application/json' } }],
  ['a form', { headers: { 'content-type': 'application/x-www-form-urlencoded' }, body: 'memoryMb=1' }],
  [
    'a body that is too large',
    { headers: { 'content-type': 'application/json' }, body: `{"a":"${'x'.repeat(300_000)}"}` },
  ],
  [
    'broken gzip',
    { headers: { 'content-type': 'application/json', 'content-encoding': 'gzip' }, body: 'not gzip at all' },
  ],
  [
    'an unknown encoding',
    { headers: { 'content-type': 'application/json', 'content-encoding': 'zz' }, body: '{}' },
  ],
];

for (const [title, init] of badSettings) {
  test(`/config refuses ${title} as INVALID_REQUEST`, async (t) => {
    const { get, registry, logged } = await startServer(t);
    const { response, json } = await get('/config/hello', { method: 'POST', ...init });
    t.is(response.status, 400);
    t.is(json['code'], 'INVALID_REQUEST');
    t.deepEqual(registry.patches, []);
    t.deepEqual(logged, []);
  });
}

const json = { 'content-type': 'application/json' };
const settingsFaults: [body: string, headers: Record<string, string>, message: RegExp][] = [
  [
    '{"a":}',
    json,
    /^The body is not a JSON object: unexpected "\}" at byte 5\. Send the settings as a JSON object, e\.g\. /,
  ],
  ['"x"', json, /^The body is/],
  ['a=1', { 'content-type': 'text/plain' }, /^The body is not a JSON object: /],
  ['', json, /^The body is empty\. /],
  [`{"a":"${'x'.repeat(300_000)}"}`, json, /^Settings may take 262144 bytes \(256 KiB\); these take more\.$/],
];
for (const [body, headers, message] of settingsFaults) {
  test(`/config says of ${body.slice(0, 10) || 'no body'} as ${headers['content-type']} what is wrong with it`, async (t) => {
    const { get } = await startServer(t);
    t.regex((await get('/config/hello', { method: 'POST', headers, body })).json['error'] as string, message);
  });
}

for (const type of ['application/x-www-form-urlencoded', 'text/plain', 'multipart/form-data', 'a/b', '?']) {
  test(`settings and the version of a rollback are JSON, also when their type is ${type}`, async (t) => {
    const { get, registry } = await startServer(t);
    const post = async (path: string, body: string, headers: Record<string, string> = {}) =>
      (await get(path, { method: 'POST', body, headers: { 'content-type': type, ...headers } })).response
        .status;
    t.is(await post('/config/hello', '{"memoryMb":256}'), 200);
    t.deepEqual(registry.patches, [{ memoryMb: 256 }]);
    t.is(await post('/functions/hello/rollback', '{"version":3}'), 200);
    // No type keeps the pages of other sites out: their browsers name the origin.
    for (const path of ['/config/hello', '/functions/hello/rollback']) {
      t.is(await post(path, '{"version":3}', { origin: 'https://evil.example' }), 403);
      t.is(await post(path, '{"version":3}', { 'sec-fetch-site': 'cross-site' }), 403);
    }
    t.is(registry.patches.length, 1);
  });
}

test('/config for an unknown function is FUNCTION_NOT_FOUND whatever its body', async (t) => {
  const { get } = await startServer(t);
  const { response } = await get('/config/other', { method: 'POST', body: 'x' });
  t.is(response.status, 404);
});

test('/readyz names the reason while the platform is unusable', async (t) => {
  const { get } = await startServer(t, {
    deps: { readiness: async () => ({ ready: false, reason: 'Docker does not answer.' }) },
  });
  const { response, json } = await get('/readyz');
  t.is(response.status, 503);
  t.is(json['error'], 'Docker does not answer.');
  t.is(json['code'], 'DRIVER_UNAVAILABLE');
  t.is(response.headers.get('retry-after'), '5');
});

test('/metrics passes on the content type and text it was given', async (t) => {
  const { url } = await startServer(t);
  const response = await fetch(`${url}/metrics`);
  t.is(response.headers.get('content-type'), 'text/plain; version=0.0.4; charset=utf-8');
  t.is(await response.text(), 'up 1\n');
});

test('an error carries its details and Retry-After but never lets details replace the envelope', async (t) => {
  const { get, invoker } = await startServer(t);
  invoker.refuse = new GlambdarError('AT_CAPACITY', 'Full.', {
    retryAfterSeconds: 0.2,
    details: { limit: 5, code: 'X' },
  });
  const { response, json } = await get('/invoke/hello', { headers: { 'x-request-id': 'q' } });
  t.is(response.status, 503);
  t.is(response.headers.get('retry-after'), '1');
  t.deepEqual(json, { error: 'Full.', code: 'AT_CAPACITY', requestId: 'q', limit: 5 });
});

test('an unexpected error is logged with its cause and tells the client nothing', async (t) => {
  const { get, invoker, logged } = await startServer(t);
  invoker.handler = () => {
    throw new Error('secret /var/lib/path');
  };
  const { response, json } = await get('/invoke/hello');
  t.is(response.status, 500);
  t.is(json['code'], 'INTERNAL');
  t.notRegex(JSON.stringify(json), /secret|var/);
  t.is(logged.length, 1);
});

test('details that cannot be encoded leave the envelope as it is', async (t) => {
  const { get, invoker } = await startServer(t);
  const circular: Record<string, unknown> = {};
  circular['self'] = circular;
  invoker.refuse = new GlambdarError('AT_CAPACITY', 'Full.', { details: circular });
  const { json } = await get('/invoke/hello');
  t.is(json['code'], 'AT_CAPACITY');
});

const requestIds: [sent: string, accepted: boolean][] = [
  ['abc-123', true],
  ['with space', true],
  ['x'.repeat(128), true],
  ['x'.repeat(129), false],
  ['tab\there', false],
  ['caf\u00e9', false],
];
for (const [sent, accepted] of requestIds) {
  test(`the request id ${JSON.stringify(sent.slice(0, 12))} (${sent.length} characters) is ${accepted ? 'kept' : 'replaced'}`, async (t) => {
    const { url } = await startServer(t);
    const got = (await fetch(`${url}/healthz`, { headers: { 'x-request-id': sent } })).headers.get(
      'x-request-id',
    );
    if (accepted) t.is(got, sent);
    else t.regex(got ?? '', /^[0-9a-f-]{36}$/);
  });
}

test('requests are observed by route template with 499 for clients that left', async (t) => {
  const fixture = await startServer(t);
  await fetch(`${fixture.url}/info/hello`);
  await fetch(`${fixture.url}/invoke/hello/deep/path`);
  await fetch(`${fixture.url}/nowhere/at/all`, { method: 'PROPFIND' });
  const { entered } = fixture.invoker.hold();
  const client = await fixture.raw();
  client.send(head('GET /invoke/hello'));
  await entered;
  client.socket.destroy();
  while (fixture.observed.length < 4) await new Promise((resolve) => setImmediate(resolve));
  t.deepEqual(
    fixture.observed.map(({ route, method, status }) => [route, method, status]),
    [
      ['/info/:name', 'GET', 200],
      ['/invoke/:name', 'GET', 200],
      ['none', 'OTHER', 404],
      ['/invoke/:name', 'GET', 499],
    ],
  );
  t.true(fixture.observed.every(({ seconds }) => seconds >= 0 && seconds < 60));
});

test('odd request targets never become a server error', async (t) => {
  const { raw, logged } = await startServer(t);
  const targets = [
    '*',
    '//',
    '/%',
    '/info/%E0%A4%A',
    '/invoke/%',
    '/a#b',
    '//x:y@z/',
    '/nowhere?%ZZ=%',
    '/logs/hello?limit=%ZZ',
    'http://',
    '/\u00ff\u00fe',
    `/${'a/'.repeat(3000)}`,
    '/invoke/hello%00',
    '/info/constructor',
  ];
  for (const target of targets) {
    const client = await raw();
    const { status } = await client.send(Buffer.from(head(`GET ${target}`), 'latin1')).response();
    t.true(status >= 400 && status < 500, `${target} gave ${status}`);
    client.socket.destroy();
  }
  t.deepEqual(logged, []);
});
