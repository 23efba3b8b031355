/**
 * The go-serverless API, row by row: what is asked, and the status, headers and body that come. Then the lines of
 * examples/go-serverless, run as they stand there.
 */
import { execFile } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import test from 'ava';
import { integration, integrationEnabled } from '../helpers/integration.js';
import { LoopbackRegistry } from '../helpers/loopback-registry.js';
import { serverForFile, until, type Answer } from '../helpers/server-process.js';
import {
  removeImages,
  removeTestImages,
  shellImage,
  shellTar,
  TEST_IMAGE_LABEL,
} from '../helpers/test-images.js';

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const UNKNOWN = '6f1e1f0a-3c0e-4f3a-9a58-0d9f3f6f2b11';
const ECHO = 'glambdar-test-go-serverless/echo:1';
const EXAMPLE = 'ghcr.io/xprnio/serverless-hello-world:latest';
const example = join(import.meta.dirname, '../../examples/go-serverless');
const images = [ECHO, EXAMPLE];

const server = serverForFile({ env: { GLAMBDAR_STANDBY: '0', GLAMBDAR_UID_BASE: '350000' } });
if (integrationEnabled) {
  test.before('images are made', () => {
    shellImage(ECHO, 'cat "$CONTEXT_PATH/request.json" > "$CONTEXT_PATH/response.json"');
    shellImage(EXAMPLE, readFileSync(join(example, 'entrypoint.sh'), 'utf8'));
  });
  test.after.always('images are removed', () => removeTestImages(images));
}

/** As `curl -d` sends it. */
const FORM = { 'content-type': 'application/x-www-form-urlencoded' };
const ask = (method: string, path: string, body?: unknown): Promise<Answer> =>
  server().request(path, {
    method,
    headers: FORM,
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  });

/** Asks, checks status and envelope, and returns the data; for a failure the message. */
async function expect(
  t: {
    is: (a: unknown, b: unknown, m?: string) => boolean;
    regex: (a: string, b: RegExp, m?: string) => boolean;
  },
  status: number,
  method: string,
  path: string,
  body?: unknown,
  message?: RegExp,
) {
  const answer = await ask(method, path, body);
  const row = `${method} ${path} ${JSON.stringify(body)} → ${answer.text.slice(0, 300)}`;
  t.is(answer.status, status, row);
  t.is(answer.headers.get('content-type'), 'application/json; charset=utf-8', row);
  t.regex(answer.headers.get('x-request-id') ?? '', /./, row);
  const { success, message: said, data, ...rest } = answer.json;
  t.is(JSON.stringify(rest), '{}', row);
  t.is(success, status < 400, row);
  t.is(typeof said, 'string', row);
  if (status < 400) return data;
  if (message) t.regex(said, message, row);
  // No host path, stack, or text of Docker or SQLite.
  t.is(/\/tmp\/|\/root|node_modules|at \w+ \(|docker: |SQLITE|HTTP code/.test(answer.text), false, row);
  return data;
}

integration('functions: each row of the table answers as it says', async (t) => {
  t.deepEqual(await expect(t, 200, 'GET', '/v1/functions'), []);
  const made = await expect(t, 201, 'POST', '/v1/functions', { image: ECHO, environment: { A: 'b' } });
  t.regex(made.id, UUID);
  t.deepEqual(made, { id: made.id, image: ECHO, environment: { A: 'b' } });
  t.deepEqual(await expect(t, 200, 'GET', '/v1/functions'), [made]);
  t.deepEqual(await expect(t, 200, 'GET', `/v1/functions/${made.id}`), made);
  t.deepEqual(await expect(t, 200, 'GET', `/v1/functions/${made.id.toUpperCase()}`), made);

  const changed = await expect(t, 201, 'POST', '/v1/functions', {
    id: made.id,
    image: ECHO,
    environment: { C: 'd' },
  });
  t.deepEqual(changed, { id: made.id, image: ECHO, environment: { C: 'd' } });
  t.deepEqual(await expect(t, 201, 'POST', '/v1/functions', { id: made.id, image: ECHO }), changed);
  t.deepEqual(await expect(t, 200, 'GET', '/v1/functions'), [changed]);

  const named = await expect(t, 201, 'POST', '/v1/functions', { image: ECHO, name: 'echo' });
  t.is((await server().request('/info/echo')).json.settings.contract, 'go-serverless');

  for (const [body, message] of [
    ['', /it is empty/],
    ['image=x', /not JSON/],
    ['[]', /JSON object/],
    [{}, /image is missing/],
    [{ image: 7 }, /image is missing/],
    [{ image: '' }, /image is missing/],
    [{ image: '../../etc/passwd' }, /named like/],
    [{ image: 'UPPER/case' }, /named like/],
    [{ image: `a${'/a'.repeat(300)}` }, /named like/],
    [{ image: ECHO, environment: [] }, /env/],
    [{ image: ECHO, environment: { A: 1 } }, /env/],
    [{ image: ECHO, environment: { 'a b': '1' } }, /env/],
    [{ image: ECHO, id: 'x' }, /UUID/],
    [{ image: ECHO, id: 7 }, /UUID/],
    [{ image: ECHO, id: UNKNOWN }, /leave the id out/],
    [{ image: ECHO, name: 'echo' }, /called "echo" already/],
    [{ image: ECHO, name: '../x' }, /function name/],
  ] as const)
    await expect(t, 400, 'POST', '/v1/functions', body, message);

  for (const method of ['GET', 'DELETE']) {
    await expect(t, 400, method, '/v1/functions/x', undefined, /UUID/);
    await expect(t, 404, method, `/v1/functions/${UNKNOWN}`, undefined, /No function/);
  }
  await expect(t, 400, 'POST', '/v1/functions/x/pull', undefined, /UUID/);
  await expect(t, 404, 'POST', `/v1/functions/${UNKNOWN}/pull`);
  await expect(t, 404, 'GET', '/v1/functions/');
  await expect(t, 405, 'PATCH', '/v1/functions');
  await expect(t, 404, 'GET', '/v1/routes/x/y');

  t.deepEqual(await expect(t, 200, 'DELETE', `/v1/functions/${named.id}`), named);
  t.deepEqual(await expect(t, 200, 'DELETE', `/v1/functions/${made.id}`), changed);
  await expect(t, 404, 'DELETE', `/v1/functions/${made.id}`);
  t.deepEqual(await expect(t, 200, 'GET', '/v1/functions'), []);
});

integration('routes: each row of the table answers as it says', async (t) => {
  t.deepEqual(await expect(t, 200, 'GET', '/v1/routes'), []);
  const called = await expect(t, 201, 'POST', '/v1/functions', { image: ECHO });
  const other = await expect(t, 201, 'POST', '/v1/functions', { image: ECHO, environment: { A: 'b' } });
  const route = await expect(t, 200, 'POST', '/v1/routes', { path: '/hello', function_id: called.id });
  t.regex(route.id, UUID);
  t.deepEqual(route, { id: route.id, path: '/hello', function: called });
  t.deepEqual(await expect(t, 200, 'GET', '/v1/routes'), [route]);
  t.deepEqual(await expect(t, 200, 'GET', `/v1/routes/${route.id}`), route);

  for (const [body, message] of [
    ['', /it is empty/],
    [{}, /path must begin/],
    [{ path: 'hello', function_id: called.id }, /path must begin/],
    [{ path: '/a?b', function_id: called.id }, /path must begin/],
    [{ path: 7, function_id: called.id }, /path must begin/],
    [{ path: '/x' }, /function_id is missing/],
    [{ path: '/x', function_id: 'nobody' }, /No function/],
    [{ path: '/x', function_id: UNKNOWN }, /No function/],
  ] as const)
    await expect(t, 400, 'POST', '/v1/routes', body, message);
  await expect(t, 409, 'POST', '/v1/routes', { path: '/hello', function_id: other.id }, /Another route/);

  const second = await expect(t, 200, 'POST', '/v1/routes', { path: '/hello/', function_id: called.id });
  await expect(t, 409, 'PUT', `/v1/routes/${second.id}`, { path: '/hello' }, /Another route/);
  await expect(t, 400, 'PUT', `/v1/routes/${second.id}`, { path: 'hello' });
  await expect(t, 400, 'PUT', `/v1/routes/${second.id}`, { function_id: UNKNOWN });
  await expect(t, 400, 'PUT', '/v1/routes/x', { path: '/y' }, /UUID/);
  await expect(t, 404, 'PUT', `/v1/routes/${UNKNOWN}`, { path: '/y' }, /No route/);
  const moved = { id: second.id, path: '/moved', function: other };
  t.deepEqual(
    await expect(t, 200, 'PUT', `/v1/routes/${second.id}`, { path: '/moved', function_id: other.id }),
    moved,
  );
  t.deepEqual(await expect(t, 200, 'GET', '/v1/routes'), [route, moved]);

  for (const method of ['GET', 'DELETE']) {
    await expect(t, 400, method, '/v1/routes/x', undefined, /UUID/);
    await expect(t, 404, method, `/v1/routes/${UNKNOWN}`, undefined, /No route/);
  }
  await expect(t, 409, 'DELETE', `/v1/functions/${called.id}`, undefined, /\/hello/);
  t.deepEqual(await expect(t, 200, 'DELETE', `/v1/routes/${route.id}`), route);
  await expect(t, 200, 'DELETE', `/v1/functions/${called.id}`);
  await expect(t, 404, 'POST', '/r/hello', '{}', /No route/);

  // A native delete asks nobody: the routes to the function go with it.
  t.is((await server().request(`/del/${other.id}`, { method: 'DELETE' })).status, 200);
  t.deepEqual(await expect(t, 200, 'GET', '/v1/routes'), []);
});

integration(
  '/r: the path is compared whole, the query is ignored, and the answer is the raw bytes of response.json',
  async (t) => {
    const called = await expect(t, 201, 'POST', '/v1/functions', { image: ECHO });
    const paths = ['/echo', '/a/b', '/with space', '/100%'];
    for (const path of paths) await expect(t, 200, 'POST', '/v1/routes', { path, function_id: called.id });
    const body = '{ "a" : 1,  "€": "not touched" }\n';
    for (const path of ['/r/echo', '/r/echo?x=1', '/r/a/b', '/r/with%20space', '/r/100%']) {
      const answer = await ask('POST', path, body);
      t.is(answer.status, 200, path);
      t.is(answer.text, body, path);
      t.is(answer.headers.get('content-type'), 'application/json; charset=UTF-8', path);
      t.regex(answer.headers.get('x-invocation-id') ?? '', /./, path);
    }
    for (const path of ['/r', '/r/', '/r/Echo', '/r/echo/', '/r//echo', '/r/a', '/r/a/b/c'])
      await expect(t, 404, 'POST', path, '{}');
    for (const method of ['GET', 'PUT', 'DELETE', 'PATCH']) {
      const answer = await ask(method, '/r/echo');
      t.is(answer.status, 405, method);
      t.is(answer.headers.get('allow'), 'POST', method);
      t.is(answer.json.success, false, method);
    }
    t.is((await ask('POST', '/r/echo', 'no JSON at all')).text, 'no JSON at all');
    t.is((await ask('POST', '/r/echo')).text, '');
    const large = await ask('POST', '/r/echo', 'x'.repeat(6 * 1024 * 1024 + 1));
    t.is(large.status, 413);
    t.is(large.json.success, false);
  },
);

integration('a route may lead to a bundle, by id or by name', async (t) => {
  await server().deployed(
    'bundle',
    'exports.handler = async (req) => ({ statusCode: 201, body: { got: await req.json(), path: req.path } });',
  );
  const route = await expect(t, 200, 'POST', '/v1/routes', { path: '/to/bundle', function_id: 'bundle' });
  t.is(route.function.image, null);
  const answer = await ask('POST', '/r/to/bundle', { a: 1 });
  t.is(answer.status, 201);
  t.deepEqual(answer.json, { got: { a: 1 }, path: '/to/bundle' });
  t.deepEqual(
    await expect(t, 200, 'POST', '/v1/routes', { path: '/again', function_id: route.function.id }),
    {
      ...(await expect(t, 200, 'GET', '/v1/routes')).at(-1),
    },
  );
  // It is not one of the images of this API.
  await expect(t, 404, 'GET', `/v1/functions/${route.function.id}`);
  await expect(t, 404, 'DELETE', `/v1/functions/${route.function.id}`);
  await expect(t, 400, 'POST', '/v1/functions', { image: ECHO, id: route.function.id });
});

integration('the lines of the example run as they stand there', async (t) => {
  const readme = readFileSync(join(example, 'README.md'), 'utf8');
  const lines = [...readme.matchAll(/```sh\n([\s\S]*?)```/g)].map(([, line]) => line!);
  t.is(lines.length, 6);
  const answers: string[] = [];
  let id = '';
  for (const line of lines) {
    const { port } = new URL(server().url);
    const command = line.replaceAll('localhost:8000', `localhost:${port}`).replace('...', id);
    let { stdout } = await promisify(execFile)('bash', ['-c', command]);
    // What a container printed is on record some moments after the answer.
    if (command.includes('/logs/'))
      await until('the record has its output', async () => {
        ({ stdout } = await promisify(execFile)('bash', ['-c', command]));
        return stdout.includes('says');
      });
    answers.push(stdout);
    const { data } = JSON.parse(stdout) as { data?: { id?: string; image?: string } };
    if (data?.image !== undefined) id = data.id!;
  }
  t.is(JSON.parse(answers[2]!).data.image, EXAMPLE);
  t.is(JSON.parse(answers[3]!).data.path, '/hello-world');
  t.deepEqual(JSON.parse(answers[4]!), { success: true, message: 'hello-world' });
  t.regex(JSON.parse(answers[5]!)[0].stdout, /^request [0-9a-f-]{36} says: hello-world\n$/);
});

integration('an image that is not here is pulled; why one cannot be had is said in words', async (t) => {
  const registry = await LoopbackRegistry.open();
  t.teardown(() => registry.close());
  const config = {
    Entrypoint: ['/entrypoint'],
    Env: ['PATH=/bin'],
    Labels: { [TEST_IMAGE_LABEL]: '' },
  };
  const answering = (text: string): Buffer => shellTar(`echo '"${text}"' > "$CONTEXT_PATH/response.json"`);
  const one = registry.push('team/one', 'latest', answering('one'), config);
  const image = `${registry.host}/team/one`;
  images.push(image, one);
  const made = await expect(t, 201, 'POST', '/v1/functions', { image, name: 'pulled' });
  t.is((await server().invoke('pulled')).text, '"one"\n');
  t.is((await server().request('/info/pulled')).json.digest, one);

  // The registry has a newer one: the function changes when it is told to, and not before.
  const two = registry.push('team/one', 'latest', answering('two'), config);
  images.push(two);
  t.is((await server().invoke('pulled')).text, '"one"\n');
  await expect(t, 200, 'POST', `/v1/functions/${made.id}/pull`);
  t.is((await server().invoke('pulled')).text, '"two"\n');
  t.is((await server().request('/info/pulled')).json.version, 2);
  await expect(t, 200, 'POST', `/v1/functions/${made.id}/pull`);
  t.is((await server().request('/info/pulled')).json.version, 2);

  await expect(t, 400, 'POST', '/v1/functions', { image: `${registry.host}/team/none` }, /There is no image/);
  await expect(t, 400, 'POST', '/v1/functions', { image: `${image}:none` }, /There is no image/);
  await expect(t, 400, 'POST', '/v1/functions', { image: '127.0.0.1:9/a' }, /cannot be reached/);
  // An image of this machine that no registry has.
  const local = await expect(t, 201, 'POST', '/v1/functions', { image: ECHO });
  t.true(local.id.length > 0);

  registry.login = { name: 'ada', password: 'l:ove lace' };
  registry.push('team/private', '1', answering('private'), config);
  const secret = `${registry.host}/team/private:1`;
  images.push(secret);
  await expect(t, 400, 'POST', '/v1/functions', { image: secret }, /does not give .* docker login/);
  const folder = join(server().dir, '.docker');
  mkdirSync(folder);
  const logIn = (password: string): void => {
    const auth = Buffer.from(`ada:${password}`).toString('base64');
    writeFileSync(join(folder, 'config.json'), JSON.stringify({ auths: { [registry.host]: { auth } } }));
  };
  logIn('wrong');
  await expect(t, 400, 'POST', '/v1/functions', { image: secret }, /does not give/);
  logIn('l:ove lace');
  await expect(t, 201, 'POST', '/v1/functions', { image: secret, name: 'private' });
  t.is((await server().invoke('private')).text, '"private"\n');

  // An operator's prune: a sentence, nothing of Docker's.
  removeImages([secret]);
  const gone = await server().invoke('private');
  t.is(gone.status, 503);
  t.is(gone.json.code, 'CODE_UNAVAILABLE');
  t.regex(gone.json.error, /pull it again/);
});
