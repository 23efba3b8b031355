import test, { type ExecutionContext } from 'ava';
import { GlambdarError } from '../../../../../src/errors.js';
import { nameOf } from '../../../../../src/http/families/cloudfunc/execute.js';
import { answer } from '../../fakes.js';
import { startServer, type Fixture, type Overrides } from '../../server-fixture.js';

const NOT_FOUND = { error: { error: 'Function not found' } };
const REQUIRED = { error: 'function_name and payload are required' };

/** A server with the function `hello`, an image. */
async function withHello(t: ExecutionContext, overrides: Overrides = {}): Promise<Fixture> {
  const fixture = await startServer(t, overrides);
  await post(fixture, '/registerFunction', '{"name":"hello","owner":"ada","image":"some/image:1"}');
  return fixture;
}

async function post({ url }: Fixture, path: string, body: string | Uint8Array<ArrayBuffer>) {
  const response = await fetch(url + path, { method: 'POST', body });
  const text = await response.text();
  return { response, status: response.status, text, json: JSON.parse(text) as Record<string, unknown> };
}

test('every payload there is reaches the function as it was sent, and its JSON comes back as it is', async (t) => {
  const fixture = await withHello(t);
  fixture.invoker.handler = ({ body }) => answer({ body });
  for (const payload of [
    '{"a":1.0}',
    'null',
    '0',
    '""',
    'false',
    '[1, 2]',
    '12345678901234567890',
    '"\\u00fc"',
  ]) {
    const { status, text, response } = await post(
      fixture,
      '/invoke',
      `{"payload": ${payload} ,"function_name":"hello"}`,
    );
    t.is(status, 200);
    t.is(text, `{"function":"hello","result":${payload}}\n`);
    t.is(response.headers.get('content-type'), 'application/json; charset=utf-8');
    t.truthy(response.headers.get('x-invocation-id'));
    t.truthy(response.headers.get('x-request-id'));
  }
  t.like(fixture.invoker.ran[0], { method: 'POST', path: '/', query: '' });
  t.deepEqual(
    fixture.invoker.ran[0]!.headers.filter(([name]) => name === 'content-type'),
    [['content-type', 'application/json']],
  );
});

test('a request to invoke that is not complete, not JSON or too large is refused with a sentence', async (t) => {
  const fixture = await withHello(t);
  for (const body of [
    '',
    '{}',
    '[]',
    'null',
    '{"function_name":"hello"}',
    '{"payload":1}',
    '{"function_name":"","payload":1}',
    '{"function_name":null,"payload":1}',
    '{"function_name":0,"payload":1}',
  ]) {
    const { status, json } = await post(fixture, '/invoke', body);
    t.is(status, 400, body);
    t.deepEqual(json, REQUIRED, body);
  }
  for (const body of ['{', '{"function_name":"hello","payload":1}}', '{payload}', new Uint8Array([0xff])]) {
    const { status, json } = await post(fixture, '/invoke', body);
    t.is(status, 400);
    t.regex(json['error'] as string, /^The body must be JSON, but /);
  }
  const large = await post(fixture, '/invoke', `{"payload":"${'x'.repeat(1000)}"}`);
  t.is(large.status, 413);
  t.deepEqual(Object.keys(large.json), ['error']);
  t.is(fixture.invoker.admitted.length, 0);
});

test('an unknown function is not found, also one whose name nobody could have; one without an image neither', async (t) => {
  const fixture = await withHello(t);
  for (const name of ['"nobody"', '"../hello"', '"a\\u0000b"', '5', '{"a":1}', '["hello"]', 'true']) {
    const { status, json } = await post(fixture, '/invoke', `{"function_name":${name},"payload":1}`);
    t.is(status, 404, name);
    t.deepEqual(json, NOT_FOUND, name);
  }
  fixture.registry.images[0]!.active.source = { type: 'image', image: null, digest: null, ports: [] };
  const { status, json } = await post(fixture, '/invoke', '{"function_name":"hello","payload":1}');
  t.is(status, 404);
  t.deepEqual(json, { error: 'Function exists but container image not found' });
});

test('failures of the function are told; those of what is behind the gateway are not', async (t) => {
  const fixture = await withHello(t);
  const invoke = () => post(fixture, '/invoke', '{"function_name":"hello","payload":1}');
  for (const [error, status, message] of [
    [new GlambdarError('FUNCTION_ERROR', 'no such user'), 500, 'no such user'],
    [new GlambdarError('INSTANCE_CRASHED', 'it ended'), 502, 'it ended'],
    [new GlambdarError('INVOCATION_TIMEOUT', 'too late'), 504, 'too late'],
    [new GlambdarError('AT_CAPACITY', 'full', { retryAfterSeconds: 3 }), 503, 'full'],
    [new GlambdarError('DRIVER_UNAVAILABLE', 'Containers …'), 500, 'Internal Gateway Error'],
    [new GlambdarError('CODE_UNAVAILABLE', 'gone'), 500, 'Internal Gateway Error'],
    [new Error('a bug at /some/path'), 500, 'Internal Gateway Error'],
  ] as const) {
    fixture.invoker.handler = () => {
      throw error;
    };
    const failed = await invoke();
    t.is(failed.status, status);
    t.deepEqual(failed.json, { error: message });
    t.truthy(failed.response.headers.get('x-invocation-id'), 'there is a record');
  }
  fixture.invoker.refuse = new GlambdarError('RATE_LIMITED', 'too many', { retryAfterSeconds: 1 });
  const refused = await invoke();
  t.is(refused.status, 429);
  t.is(refused.response.headers.get('retry-after'), '1');
});

test('a status of the function that is an error stays one, with what the function said of it', async (t) => {
  const fixture = await withHello(t);
  for (const [statusCode, status, body] of [
    [201, 200, '{"function":"hello","result":{"a":1}}'],
    [302, 502, '{"error":{"a":1}}'],
    [422, 422, '{"error":{"a":1}}'],
    [503, 503, '{"error":{"a":1}}'],
  ] as const) {
    fixture.invoker.handler = () => answer({ statusCode, body: Buffer.from('{"a":1}') });
    const answered = await post(fixture, '/invoke', '{"function_name":"hello","payload":1}');
    t.is(answered.status, status);
    t.is(answered.text, `${body}\n`);
  }
});

test('text that is no JSON becomes a JSON string; what is neither, or too deep, is a bad response', async (t) => {
  const fixture = await withHello(t);
  const respond = (body: Buffer, type: string | null) => {
    const headers: [string, string][] = type === null ? [] : [['Content-Type', type]];
    fixture.invoker.handler = () => answer({ body, headers });
    return post(fixture, '/invoke', '{"function_name":"hello","payload":1}');
  };
  t.deepEqual((await respond(Buffer.from('hello "you"'), 'text/plain')).json['result'], 'hello "you"');
  t.deepEqual((await respond(Buffer.from(''), null)).json['result'], '');
  t.deepEqual((await respond(Buffer.from(' {"a":1} '), null)).json['result'], { a: 1 });
  for (const [body, type] of [
    [Buffer.from('{"a":'), 'application/json'],
    [Buffer.from([0xff, 0xfe]), 'image/png'],
    [Buffer.from('['.repeat(5_000) + ']'.repeat(5_000)), 'application/json'],
    [Buffer.from('['.repeat(5_000) + ']'.repeat(5_000)), 'text/plain'],
  ] as const) {
    const bad = await respond(body, type);
    t.is(bad.status, 502);
    t.regex(bad.json['error'] as string, /neither JSON nor text/);
  }
});

test('functions are registered, listed and shown under both names of their image', async (t) => {
  const fixture = await startServer(t);
  const { status, json } = await post(
    fixture,
    '/registerFunction',
    '{"name":"hello","owner":"ada","image":"some/image:1"}',
  );
  t.is(status, 200);
  t.is(json['message'], 'Function registered successfully');
  const data = json['data'] as Record<string, unknown>;
  t.deepEqual(Object.keys(data), ['id', 'name', 'owner', 'image', 'created_at']);
  t.like(data, { name: 'hello', owner: 'ada', image: 'some/image:1' });
  t.is(fixture.registry.images[0]!.settings.contract, 'cloudfunc');
  const shown = await fixture.get('/function/hello');
  t.deepEqual(shown.json, { ...data, container_image: 'some/image:1' });
  const list = await fetch(`${fixture.url}/functions`);
  t.deepEqual(await list.json(), [shown.json]);
  for (const name of ['nobody', '..%2Fhello', '%00']) {
    const unknown = await fixture.get(`/function/${name}`);
    t.is(unknown.response.status, 404);
    t.deepEqual(unknown.json, { error: 'Function not found' });
  }
});

test('a registration without a name, or with values of the wrong kind, is refused with a sentence', async (t) => {
  const fixture = await startServer(t);
  for (const [body, message] of [
    ['{}', /^name is required$/],
    ['{"name":""}', /^name is required$/],
    ['{"name":"../x","image":"a"}', /name/],
    ['{"name":7,"image":"a"}', /name/],
    ['{"name":"a","image":7}', /image must be a string/],
    ['{"name":"a","owner":{},"image":"a"}', /owner must be a string/],
    ['nonsense', /must be JSON/],
  ] as const) {
    const { status, json } = await post(fixture, '/registerFunction', body);
    t.is(status, 400, body);
    t.regex(json['error'] as string, message);
  }
  t.deepEqual(fixture.registry.images, []);
});

test('a registration without an image keeps the image that there is', async (t) => {
  const fixture = await withHello(t);
  const { json } = await post(fixture, '/registerFunction', '{"name":"hello"}');
  t.like(json['data'], { image: 'some/image:1' });
});

test('an image is executed as the function that has it, or becomes one under a name made of its own', async (t) => {
  const fixture = await startServer(t);
  const image = 'ghcr.io/some/thing:1';
  const execute = (body: string) => post(fixture, '/execute', body);
  // The fake invoker knows one name only.
  const { status, json } = await execute(`{"image":"${image}","payload":{}}`);
  t.is(status, 404);
  t.deepEqual(json, { error: 'Function not found!' });
  t.is(fixture.registry.images.at(-1)!.ref.name, nameOf(image));
  t.is(fixture.registry.images.at(-1)!.settings.contract, 'cloudfunc');
  await post(fixture, '/registerFunction', '{"name":"hello","image":"own:1"}');
  fixture.invoker.handler = ({ body }) => answer({ body });
  const own = await execute('{"image":"own:1","payload":{"a":[1.0]}}');
  t.is(own.text, '{"output":{"a":[1.0]},"status":"success"}\n');
  t.is((await execute('{"image":"own:1"}')).text, '{"output":null,"status":"success"}\n');
});

test('an execution without an image is refused, one that fails is a bad gateway, one that is late a late one', async (t) => {
  const fixture = await withHello(t);
  for (const body of ['', '{}', '{"image":""}', '{"image":null,"payload":1}', '{"image":5}']) {
    const { status, json } = await post(fixture, '/execute', body);
    t.is(status, 400);
    t.deepEqual(json, { error: 'Image required' });
  }
  for (const [error, status] of [
    [new GlambdarError('FUNCTION_ERROR', 'm'), 502],
    [new GlambdarError('LOAD_FAILED', 'm', { status: 500 }), 502],
    [new GlambdarError('OUT_OF_MEMORY', 'm'), 502],
    [new GlambdarError('BAD_RESPONSE', 'm'), 502],
    [new GlambdarError('INVOCATION_TIMEOUT', 'm'), 504],
    [new GlambdarError('DRIVER_UNAVAILABLE', 'm'), 503],
    [new GlambdarError('AT_CAPACITY', 'm'), 503],
  ] as const) {
    fixture.invoker.handler = () => {
      throw error;
    };
    const failed = await post(fixture, '/execute', '{"image":"some/image:1","payload":1}');
    t.is(failed.status, status, error.code);
    t.deepEqual(failed.json, { error: 'm' });
  }
  fixture.invoker.handler = () => answer({ statusCode: 500, body: Buffer.from('{"why":1}') });
  const failed = await post(fixture, '/execute', '{"image":"some/image:1","payload":1}');
  t.is(failed.status, 502);
  t.deepEqual(failed.json, { error: 'The image answered with status 500.', output: { why: 1 } });
});

test('wrong methods and unknown paths of the gateway have its envelope, other paths another one', async (t) => {
  const fixture = await startServer(t);
  for (const [method, path, status] of [
    ['GET', '/invoke', 405],
    ['PUT', '/execute', 405],
    ['GET', '/registerFunction', 405],
    ['POST', '/function/a', 405],
    ['GET', '/function/a/b', 404],
  ] as const) {
    const { response, json } = await fixture.get(path, { method });
    t.is(response.status, status, path);
    t.deepEqual(Object.keys(json), ['error'], path);
  }
  t.true('code' in (await fixture.get('/nowhere')).json);
  t.deepEqual(
    Object.keys((await fixture.get('/functions', { method: 'DELETE' })).json),
    ['message'],
    'a path of faas, but for reading',
  );
});

test('names made of images are legal, tell the image, and differ where images do', (t) => {
  for (const image of [
    'hello',
    'ghcr.io/owner/Name_x:tag',
    'localhost:5000/a/b@sha256:' + '0'.repeat(64),
    `x/${'y'.repeat(200)}:1`,
    '__x',
  ]) {
    t.regex(nameOf(image), /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/, image);
  }
  t.regex(nameOf('ghcr.io/owner/name:tag'), /^name-tag-[0-9a-f]{8}$/);
  t.not(nameOf('a/name:tag'), nameOf('b/name:tag'));
});
