import { readFile, stat } from 'node:fs/promises';
import test from 'ava';
import { GlambdarError } from '../../../../../src/errors.js';
import { deploy, end, field, file, TYPE, BOUNDARY } from '../../multipart.js';
import { head, startServer } from '../../server-fixture.js';

test('deploys the file under its base name and answers 201', async (t) => {
  const { url, registry } = await startServer(t);
  let content = '';
  let mode = 0;
  registry.onDeploy = async ({ source }) => {
    content = await readFile(source.path, 'utf8');
    mode = (await stat(source.path.slice(0, source.path.lastIndexOf('/')))).mode & 0o777;
  };
  const form = new FormData();
  form.set('memoryMb', '256');
  form.set('file', new Blob(['PK zip']), 'my.fn.zip');
  form.set('env', '{"A":"ü"}');
  const response = await fetch(`${url}/deploy`, { method: 'POST', body: form });
  t.is(response.status, 201);
  t.deepEqual(await response.json(), {
    function: 'my.fn',
    status: 'deployed',
    version: 1,
    digest: 'sha256:ab',
  });
  t.is(content, 'PK zip');
  t.is(mode, 0o700);
  t.is(registry.deploys[0]?.ref.name, 'my.fn');
  t.deepEqual({ ...registry.deploys[0]?.fields }, { memoryMb: '256', env: '{"A":"ü"}' });
});

test('the field funcName overrides the name and is not passed on', async (t) => {
  const { raw, registry } = await startServer(t);
  const { status } = await (
    await raw()
  )
    .send(deploy(file('x') + field('funcName', 'other') + end))
    .response();
  t.is(status, 201);
  t.is(registry.deploys[0]?.ref.name, 'other');
  t.deepEqual({ ...registry.deploys[0]?.fields }, {});
});

test('a field called __proto__ is only a field', async (t) => {
  const { raw, registry } = await startServer(t);
  const body = field('__proto__', 'x') + field('constructor', 'y') + file('x') + end;
  t.is((await (await raw()).send(deploy(body)).response()).status, 201);
  t.deepEqual(Object.entries(registry.deploys[0]?.fields ?? {}), [
    ['__proto__', 'x'],
    ['constructor', 'y'],
  ]);
  t.is(({} as Record<string, unknown>)['x'], undefined);
});

const refused: [title: string, request: string, status: number, code: string][] = [
  ['JSON', deploy('{}', 'Content-Type: application/json'), 415, 'UNSUPPORTED_MEDIA_TYPE'],
  [
    'multipart of another kind',
    deploy(file('x') + end, `Content-Type: multipart/mixed; boundary=${BOUNDARY}`),
    415,
    'UNSUPPORTED_MEDIA_TYPE',
  ],
  ['no content type', head('POST /deploy', 'Content-Length: 2') + 'xx', 415, 'UNSUPPORTED_MEDIA_TYPE'],
  ['no boundary', deploy(file('x') + end, 'Content-Type: multipart/form-data'), 400, 'INVALID_REQUEST'],
  ['no parts', deploy(end), 400, 'MISSING_FILE'],
  ['no body', head('POST /deploy', TYPE, 'Content-Length: 0'), 400, 'MISSING_FILE'],
  ['only fields', deploy(field('funcName', 'x') + end), 400, 'MISSING_FILE'],
  ['the file as a text field', deploy(field('file', 'x') + end), 400, 'MISSING_FILE'],
  ['an empty file name', deploy(file('x', '') + end), 400, 'MISSING_FILE'],
  ['the file in another field', deploy(file('x', 'a.zip', 'zip') + end), 400, 'MISSING_FILE'],
  ['two files', deploy(file('x') + file('y') + end), 400, 'INVALID_REQUEST'],
  [
    'a second file in another field',
    deploy(file('x') + file('y', 'b.zip', 'other') + end),
    400,
    'INVALID_REQUEST',
  ],
  ['a body that ends too early', deploy(file('x')), 400, 'INVALID_REQUEST'],
  ['another boundary', deploy(`--other\r\n\r\n--other--\r\n`), 400, 'INVALID_REQUEST'],
  [
    'a field twice',
    deploy(file('x') + field('cpus', '1') + field('cpus', '2') + end),
    400,
    'INVALID_REQUEST',
  ],
  [
    'funcName twice',
    deploy(file('x') + field('funcName', 'a') + field('funcName', 'b') + end),
    400,
    'INVALID_REQUEST',
  ],
  ['a nested field name', deploy(file('x') + field('a[b]', '1') + end), 400, 'INVALID_REQUEST'],
  ['an array field name', deploy(file('x') + field('a[]', '1') + end), 400, 'INVALID_REQUEST'],
  [
    'a 20,000 deep field name',
    deploy(file('x') + field(`a${'[b]'.repeat(4000)}`, '1') + end),
    400,
    'INVALID_REQUEST',
  ],
  [
    'a field without a name',
    deploy(file('x') + `--${BOUNDARY}\r\nContent-Disposition: form-data\r\n\r\nv\r\n` + end),
    400,
    'INVALID_REQUEST',
  ],
  [
    'a field name that is too long',
    deploy(file('x') + field('n'.repeat(101), '1') + end),
    400,
    'INVALID_REQUEST',
  ],
  [
    'a field that is too long',
    deploy(field('env', 'v'.repeat(65_537)) + file('x') + end),
    400,
    'INVALID_REQUEST',
  ],
  [
    'too many fields',
    deploy(Array.from({ length: 21 }, (_, i) => field(`f${i}`, '1')).join('') + file('x') + end),
    400,
    'INVALID_REQUEST',
  ],
  [
    'a part head of 200 kB',
    deploy(`--${BOUNDARY}\r\nX-A: ${'a'.repeat(200_000)}\r\n\r\nv\r\n` + file('x') + end),
    400,
    'INVALID_REQUEST',
  ],
  ['a file one byte too large', deploy(file('x'.repeat(100_001)) + end), 413, 'BUNDLE_TOO_LARGE'],
  ['a name with a space', deploy(file('x', 'my fn.zip') + end), 400, 'INVALID_NAME'],
  ['a name that starts with a dot', deploy(file('x', '..zip') + end), 400, 'INVALID_NAME'],
  ['a name in UTF-8', deploy(file('x', 'f\u00c3\u00bc.zip') + end), 400, 'INVALID_NAME'],
  ['an empty funcName', deploy(file('x') + field('funcName', '') + end), 400, 'INVALID_NAME'],
  ['a funcName that is a path', deploy(file('x') + field('funcName', '../x') + end), 400, 'INVALID_NAME'],
];
for (const [title, request, status, code] of refused) {
  test(`an upload with ${title} answers ${status} ${code}, leaves nothing, and the connection goes on`, async (t) => {
    const { raw, registry, logged, uploads } = await startServer(t);
    const client = await raw();
    const response = await client.send(Buffer.from(request, 'latin1')).response();
    const body = JSON.parse(response.body) as { error: string; code: string };
    t.is(response.status, status, body.error);
    t.is(body.code, code);
    if (code === 'MISSING_FILE')
      t.regex(body.error, /^missing zip file: the form has no file in the field "file"/);
    t.deepEqual(await uploads(), []);
    t.deepEqual(registry.deploys, []);
    t.deepEqual(logged, []);
    t.is((await client.send(head('GET /healthz')).response()).body, '{"status":"ok"}\n');
  });
}

test('a file of exactly the limit is accepted, whatever the fields add', async (t) => {
  const { raw } = await startServer(t);
  const body = field('env', 'v'.repeat(65_536)) + file('x'.repeat(100_000)) + end;
  t.is((await (await raw()).send(deploy(body)).response()).status, 201);
});

test('a path in the file name is cut to its base name', async (t) => {
  const { raw, registry } = await startServer(t);
  for (const name of ['../../etc/fn.zip', 'C:\\x\\fn.zip']) {
    await (await raw()).send(deploy(file('x', name) + end)).response();
  }
  t.deepEqual(
    registry.deploys.map(({ ref }) => ref.name),
    ['fn', 'fn'],
  );
});

for (const [title, parameter] of [
  ['as UTF-8', 'filename="f\u00c3\u00bc.zip"'],
  ['as an extended parameter', "filename*=UTF-8''f%C3%BC.zip"],
] as const) {
  test(`a file name beyond ASCII that is sent ${title} stands in the refusal as it was meant`, async (t) => {
    const { raw } = await startServer(t);
    const part = file('x').replace('filename="hello.zip"', parameter);
    const response = await (await raw()).send(Buffer.from(deploy(part + end), 'latin1')).response();
    const body = JSON.parse(response.body) as { error: string; code: string };
    t.is(body.code, 'INVALID_NAME');
    t.true(body.error.includes('not "fü"'), body.error);
  });
}

test('the name of a field beyond ASCII reaches the registry as it was meant', async (t) => {
  const { raw, registry } = await startServer(t);
  const request = deploy(file('x') + field('gr\u00c3\u00b6\u00c3\u009fe', '1') + end);
  await (await raw()).send(Buffer.from(request, 'latin1')).response();
  t.deepEqual({ ...registry.deploys[0]?.fields }, { größe: '1' });
});

test('the upload is removed when the registry refuses it, and its details reach the client', async (t) => {
  const { raw, registry, uploads } = await startServer(t);
  registry.onDeploy = () => {
    throw new GlambdarError('LOAD_FAILED', 'it throws', { details: { file: 'index.js', line: 3 } });
  };
  const response = await (await raw()).send(deploy(file('x') + end)).response();
  t.is(response.status, 422);
  t.like(JSON.parse(response.body), { error: 'it throws', code: 'LOAD_FAILED', file: 'index.js', line: 3 });
  t.deepEqual(await uploads(), []);
});

test('an upload directory that cannot be used is a platform failure that names no path', async (t) => {
  const { raw, logged } = await startServer(t, { config: { uploadDir: '/dev/null/uploads' } });
  const response = await (await raw()).send(deploy(file('x') + end)).response();
  t.is(response.status, 500);
  t.notRegex(response.body, /null|ENOTDIR/);
  t.is(logged.length, 1);
});

test('a form without a file in the field "file" is told which fields it had', async (t) => {
  const { url } = await startServer(t);
  for (const [name, found] of [
    ['zip', 'only "zip"'],
    ['file', 'only "file" as text, without @ before its path'],
  ] as const) {
    const form = new FormData();
    form.set(name, 'x.zip');
    const answer = await fetch(`${url}/deploy`, { method: 'POST', body: form });
    const { error } = (await answer.json()) as { error: string };
    t.is(
      error,
      `missing zip file: the form has no file in the field "file", ${found}. With curl: -F file=@my-function.zip`,
    );
  }
});
