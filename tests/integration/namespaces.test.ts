/** What another namespace has is nobody else's: every route, asked with every kind of token and key, for something of another and for nothing. */
import { once } from 'node:events';
import { existsSync, readdirSync } from 'node:fs';
import { request, type IncomingMessage } from 'node:http';
import { join } from 'node:path';
import { integration } from '../helpers/integration.js';
import { namespaceRows, rowName, type Target } from '../helpers/namespace-rows.js';
import { serverForFile, until, zipOf, type Answer } from '../helpers/server-process.js';
import { startServer } from '../unit/http/server-fixture.js';

const CANARY = 'canary of the owner';
const NOBODY = '6f1e1f0a-3c0e-4f3a-9a58-0d9f3f6f2b11';
const server = serverForFile({
  env: { GLAMBDAR_AUTH: 'on', GLAMBDAR_UID_BASE: '770000', GLAMBDAR_STANDBY: '1' },
});

type Headers = Record<string, string>;

function send(method: string, path: string, headers: Headers, body?: unknown): Promise<Answer> {
  return server().request(path, {
    method,
    headers,
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
}

async function register(name: string): Promise<{ uuid: string; headers: Headers }> {
  const body = { email: `${name}@example.org`, password: 'long enough' };
  const { json } = await send('POST', '/auth/register', {}, body);
  return { uuid: json.user.uuid, headers: { authorization: `Bearer ${json.token}` } };
}

async function keyOf(headers: Headers, wanted: object): Promise<Headers> {
  const { json } = await send('POST', '/auth/keys', headers, { name: 'k', ...wanted });
  return { 'x-api-key': json.key };
}

async function deployFor(headers: Headers, name: string): Promise<void> {
  const code = `exports.handler = () => { console.log('${CANARY}'); return { body: '${CANARY}' }; };`;
  const body = new FormData();
  body.append('file', new Blob([new Uint8Array(zipOf({ 'index.js': code }))]), `${name}.zip`);
  const { status, text } = await server().request('/deploy', { method: 'POST', headers, body });
  if (status !== 201) throw new Error(text);
}

/** Whatever of an answer may differ from one request to the next is left out, and whatever the target names. */
function shown({ status, text, headers }: Answer, target: Target): string {
  const kept = [...headers].filter(
    ([name]) => !/^(date|x-request-id|x-invocation-id|server-timing|content-length)$/.test(name),
  );
  let said = `${status} ${text} ${JSON.stringify(kept)}`.replace(/"requestId":"[^"]*"/, '');
  for (const part of Object.values(target) as string[]) said = said.replaceAll(part, '…');
  return said;
}

integration(
  'no role reaches what another namespace has, or learns that it is there, by any route',
  async (t) => {
    // The name in a scope would stand in the list of its user's keys, so the key with the scope has a user of its own.
    const [owner, other, third] = [await register('owner'), await register('other'), await register('third')];
    await deployFor(owner.headers, 'mine');
    const called = await send('POST', '/invoke/mine', owner.headers);
    t.is(called.json, CANARY);
    const routed = await send('POST', '/v1/routes', owner.headers, { path: '/mine', function_id: 'mine' });
    const { id: key } = (await send('POST', '/auth/keys', owner.headers, { name: 'k' })).json;
    await send('PUT', '/functions/mine/secrets/K', owner.headers, { value: 'canary-of-a-secret' });
    const theirs: Target = {
      name: 'mine',
      path: 'mine',
      call: called.headers.get('x-invocation-id')!,
      route: routed.json.data.id,
      function: routed.json.data.function.id,
      key,
      user: owner.uuid,
    };
    const nobodys: Target = {
      name: 'none',
      path: 'none',
      call: 'none',
      route: NOBODY,
      function: NOBODY,
      key: NOBODY,
      user: NOBODY,
    };
    const senders: Record<string, Headers> = {
      nobody: {},
      'a user': other.headers,
      viewer: await keyOf(other.headers, { role: 'viewer' }),
      invoker: await keyOf(other.headers, { role: 'invoker' }),
      deployer: await keyOf(other.headers, { role: 'deployer' }),
      'a key for one function': await keyOf(third.headers, { scopes: ['invoke:mine'] }),
    };
    const { app } = await startServer(t);
    const known = app.routes.map(rowName);
    t.deepEqual(
      known.filter((name) => !(name in namespaceRows)),
      [],
      'a route without a row',
    );
    for (const [who, headers] of Object.entries(senders)) {
      for (const name of known) {
        const row = namespaceRows[name];
        if (row === null || row === undefined) continue;
        const method = name.startsWith('CALL ') ? 'POST' : name.split(' ')[0]!;
        const ask = async (target: Target): Promise<string> => {
          const { path, body } = row(target);
          return shown(await send(method, path, headers, body), target);
        };
        // Its scope names a function that it does not have: it may be told so, and of others that it may not call them.
        const absent = who === 'a key for one function' ? { ...nobodys, name: 'mine' } : nobodys;
        const answered = await ask(theirs);
        t.is(answered, await ask(absent), `${name} by ${who}`);
        t.notRegex(answered, /canary/, `${name} by ${who}`);
        if (who === 'nobody') t.regex(answered, /^401 /, name);
        if (who !== 'a user') continue;
        // A namespace that is named is no other way in, and neither is an odd spelling.
        const { path, body } = row(theirs);
        const named = await send(method, path, { ...headers, 'x-glambdar-namespace': owner.uuid }, body);
        t.regex(named.text, /There is no such namespace\./, `${name} with a namespace`);
        if (!/:name|<path>/.test(name)) continue;
        for (const spelled of [`${owner.uuid}/mine`, `..%2f${owner.uuid}%2fmine`, `%2e%2e/mine`]) {
          const odd = await send(method, row({ ...theirs, name: spelled, path: spelled }).path, headers);
          t.notRegex(odd.text, /canary/, `${name} ${spelled}`);
          t.true(odd.status >= 400, `${name} ${spelled}: ${odd.status}`);
        }
      }
    }
    // All of it is as its owner left it.
    t.is((await send('POST', '/invoke/mine', owner.headers)).json, CANARY);
    t.is((await send('POST', '/r/mine', owner.headers)).json, CANARY);
    t.is((await send('GET', '/info/mine', owner.headers)).json.settings.timeoutMs, 30_000);
    t.is((await send('GET', '/info', owner.headers)).json.count, 1);
  },
);

integration(
  'an admin acts in another namespace when it is named, and in their own when it is not',
  async (t) => {
    const owner = await register('governed');
    await deployFor(owner.headers, 'governed');
    const [, adminKey = ''] = /shown this once: (glm_\S+)/.exec(server().stdout) ?? [];
    const admin = { 'x-api-key': adminKey };
    t.is((await send('GET', '/info/governed', admin)).status, 404);
    t.is((await send('GET', '/info/governed', { ...admin, 'x-glambdar-namespace': owner.uuid })).status, 200);
    for (const odd of [
      '',
      ' ',
      NOBODY,
      owner.uuid.toUpperCase(),
      `${owner.uuid}, default`,
      '../default',
      '%00',
    ]) {
      const answer = await send('GET', '/info/governed', { ...admin, 'x-glambdar-namespace': odd });
      t.is(answer.status, 404, JSON.stringify(odd));
    }
  },
);

integration('a function gets neither a token nor a key of its caller, also when both are sent', async (t) => {
  const { headers: token } = await register('sender');
  const key = await keyOf(token, { role: 'invoker' });
  const body = new FormData();
  const code = 'exports.handler = (req) => ({ body: JSON.stringify(req.headers) });';
  body.append('file', new Blob([new Uint8Array(zipOf({ 'index.js': code }))]), 'echo.zip');
  t.is((await server().request('/deploy', { method: 'POST', headers: token, body })).status, 201);
  const text = token.authorization!.slice('Bearer '.length);
  for (const sent of [
    { ...token, ...key },
    { 'x-api-key': text, authorization: `Bearer ${key['x-api-key']}` },
    { 'x-api-key': text, ...token },
  ]) {
    const answer = await send('POST', '/invoke/echo', sent);
    t.is(answer.status, 200, answer.text);
    t.false(answer.text.includes(text) || answer.text.includes(key['x-api-key']!), Object.keys(sent).join());
  }
  // What proves nothing here is the function's own.
  const own = await send('POST', '/invoke/echo', { ...key, authorization: 'Bearer of-another-service' });
  t.regex(own.text, /of-another-service/);
});

integration('a removed user leaves nothing, not even what is just being sent', async (t) => {
  const { uuid, headers } = await register('leaving');
  await deployFor(headers, 'first');
  const code = zipOf({ 'index.js': 'exports.handler = () => ({ body: 1 });' });
  const form = Buffer.concat([
    Buffer.from('--b\r\nContent-Disposition: form-data; name="file"; filename="late.zip"\r\n\r\n'),
    code,
    Buffer.from('\r\n--b--\r\n'),
  ]);
  const { hostname, port } = new URL(server().url);
  const late = request({
    hostname,
    port,
    method: 'POST',
    path: '/deploy',
    headers: { ...headers, 'content-type': 'multipart/form-data; boundary=b', 'content-length': form.length },
  });
  const answered = once(late, 'response') as Promise<[IncomingMessage]>;
  late.write(form.subarray(0, -5));
  await until(
    'the upload has begun',
    () => Promise.resolve(readdirSync(join(server().dir, 'tmp')).length > 0),
    10_000,
  );
  const removed = await send('DELETE', `/auth/users/${uuid}`, headers);
  t.deepEqual(removed.json, { deleted: uuid, functions: ['first'] });
  late.end(form.subarray(-5));
  const [answer] = await answered;
  answer.resume();
  t.is(answer.statusCode, 401);
  t.false(existsSync(join(server().dir, 'functions', `@${uuid}`)));
});

integration('a removal of a user that was cut off is finished by the next start', async (t) => {
  const { uuid, headers } = await register('cut-off');
  for (const name of ['one', 'two']) await deployFor(headers, name);
  await server().restart({ GLAMBDAR_FAULT: 'delete.begun' });
  await t.throwsAsync(send('DELETE', `/auth/users/${uuid}`, headers));
  await server().exited();
  t.true(existsSync(join(server().dir, 'functions', `@${uuid}`)));
  await server().restart();
  t.is((await send('GET', '/info', headers)).json.error, 'User not found');
  t.false(existsSync(join(server().dir, 'functions', `@${uuid}`)));
});
