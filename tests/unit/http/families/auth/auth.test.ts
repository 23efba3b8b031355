import test, { type ExecutionContext } from 'ava';
import { AccountsFixture } from '../../../accounts/accounts-fixture.js';
import { startServer } from '../../server-fixture.js';

async function start(t: ExecutionContext, options?: { registration?: boolean }) {
  const fixture = new AccountsFixture(options);
  const server = await startServer(t, { deps: { accounts: fixture.accounts } });
  const send = async (method: string, path: string, body?: unknown, token?: string) => {
    const response = await fetch(server.url + path, {
      method,
      ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
      headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
    });
    // eslint-disable-next-line @typescript-eslint/no-explicit-any -- each test knows the shape of the answer it asked for
    return { status: response.status, json: (await response.json()) as any, headers: response.headers };
  };
  return { ...server, fixture, send };
}

const ada = { email: 'ada@example.org', password: 'secret' };

test('registering and signing in answer as clients of Invok expect', async (t) => {
  const { send } = await start(t);
  const registered = await send('POST', '/auth/register', ada);
  t.is(registered.status, 201);
  t.deepEqual(Object.keys(registered.json), ['token', 'user']);
  t.deepEqual(Object.keys(registered.json.user), ['uuid', 'email']);
  t.is(registered.headers.get('cache-control'), 'no-store');
  const signedIn = await send('POST', '/auth/login', ada);
  t.is(signedIn.status, 200);
  t.deepEqual(signedIn.json.user, registered.json.user);
  t.like(await send('GET', '/auth/me', undefined, signedIn.json.token), {
    status: 200,
    json: { kind: 'user', id: registered.json.user.uuid, role: 'deployer', email: ada.email },
  });
});

const answers: [path: string, body: unknown, status: number, error: string][] = [
  ['/auth/register', {}, 400, 'Email and password are required'],
  ['/auth/register', { email: 'b@example.org' }, 400, 'Email and password are required'],
  [
    '/auth/register',
    { email: 'b@example.org', password: 'short' },
    400,
    'Password must be at least 6 characters',
  ],
  ['/auth/register', ada, 409, 'Email already registered'],
  ['/auth/login', { email: 'b@example.org', password: 'secret' }, 401, 'Invalid credentials'],
  ['/auth/login', { ...ada, password: 'secres' }, 401, 'Invalid credentials'],
  ['/auth/login', {}, 400, 'Email and password are required'],
];

for (const [path, body, status, error] of answers)
  test(`${path} answers ${JSON.stringify(body)} with ${status} and nothing but the error`, async (t) => {
    const { send } = await start(t);
    await send('POST', '/auth/register', ada);
    t.like(await send('POST', path, body), { status, json: { error } });
    t.deepEqual(Object.keys((await send('POST', path, body)).json), ['error']);
  });

test('a body that is no JSON object is a mistake of the client', async (t) => {
  const { send } = await start(t);
  for (const body of ['', 'no', '[]', 'null', '"x"'])
    t.is((await send('POST', '/auth/login', body)).status, 400, body);
});

test('guessing is answered with 429 and a time', async (t) => {
  const { send } = await start(t);
  for (let guess = 0; guess < 5; guess += 1)
    await send('POST', '/auth/login', { ...ada, password: 'wrong!' });
  const { status, headers } = await send('POST', '/auth/login', ada);
  t.is(status, 429);
  t.is(headers.get('retry-after'), '1');
});

test('without accounts there is nothing at /auth, and the answer says how to get them', async (t) => {
  const { url } = await startServer(t);
  for (const [method, path] of [
    ['POST', '/auth/register'],
    ['POST', '/auth/login'],
    ['GET', '/auth/keys'],
    ['GET', '/auth/audit'],
  ] as const) {
    const response = await fetch(url + path, { method });
    t.is(response.status, 404, path);
    t.regex(((await response.json()) as { error: string }).error, /GLAMBDAR_AUTH=on/);
  }
});

test('where registration is off nobody registers', async (t) => {
  const { send } = await start(t, { registration: false });
  t.like(await send('POST', '/auth/register', ada), { status: 403 });
});

test('a user makes, changes and ends keys', async (t) => {
  const { send } = await start(t);
  const { token, user } = (await send('POST', '/auth/register', ada)).json;
  const made = await send('POST', '/auth/keys', { name: 'ci', scopes: ['invoke:hello'] }, token);
  t.is(made.status, 201);
  t.like(made.json, {
    name: 'ci',
    role: 'invoker',
    namespace: user.uuid,
    scopes: ['invoke:hello'],
    lastUsedAt: null,
  });
  const { key, ...shown } = made.json;
  t.deepEqual((await send('GET', '/auth/keys', undefined, token)).json, [shown]);
  t.is((await send('POST', '/invoke/hello', {}, key)).status, 200);
  t.like(await send('PATCH', `/auth/keys/${shown.id}`, { name: 'other' }, token), {
    status: 200,
    json: { name: 'other' },
  });
  t.like(await send('DELETE', `/auth/keys/${shown.id}`, undefined, token), {
    status: 200,
    json: { deleted: shown.id },
  });
  t.is((await send('POST', '/invoke/hello', {}, key)).status, 401);
  t.is((await send('DELETE', `/auth/keys/${shown.id}`, undefined, token)).status, 404);
});

test('an admin sees users and the audit log, and says what users may', async (t) => {
  const { send, fixture } = await start(t);
  const admin = (await fixture.accounts.firstAdminKey())!;
  const { token, user } = (await send('POST', '/auth/register', ada)).json;
  t.like((await send('GET', '/auth/users', undefined, admin)).json, [{ uuid: user.uuid, role: 'deployer' }]);
  t.notRegex(JSON.stringify((await send('GET', '/auth/users', undefined, admin)).json), /scrypt/);
  const patch = { role: 'viewer', mayBridge: true };
  t.like(await send('PATCH', `/auth/users/${user.uuid}`, patch, admin), { status: 200, json: patch });
  t.is((await send('DELETE', '/del/hello', undefined, token)).status, 403);
  for (const wrong of [{ role: 'root' }, { mayBridge: 1 }, { email: 'x' }])
    t.is((await send('PATCH', `/auth/users/${user.uuid}`, wrong, admin)).status, 400);
  t.is((await send('PATCH', '/auth/users/nobody', patch, admin)).status, 404);
  await send('DELETE', '/del/hello', undefined, admin);
  const audit = (await send('GET', '/auth/audit?limit=2', undefined, admin)).json;
  t.like(audit, [
    { action: 'function.delete', target: 'hello', namespace: 'default', address: '127.0.0.1' },
    { action: 'user.change', target: user.uuid, detail: patch },
  ]);
  t.is(
    (await send('GET', `/auth/audit?before=${audit[1].id}`, undefined, admin)).json[0].action,
    'user.register',
  );
  for (const query of ['limit=0', 'limit=1001', 'limit=x', 'before=-1', 'limit=1&limit=2'])
    t.is((await send('GET', `/auth/audit?${query}`, undefined, admin)).status, 400, query);
});

test('users remove themselves with their functions, and nobody else', async (t) => {
  const { send, fixture } = await start(t);
  const { token, user } = (await send('POST', '/auth/register', ada)).json;
  const other = (await send('POST', '/auth/register', { ...ada, email: 'bob@example.org' })).json.user;
  for (const id of [other.uuid, 'nobody'])
    t.is((await send('DELETE', `/auth/users/${id}`, undefined, token)).status, 403);
  t.like(await send('DELETE', `/auth/users/${user.uuid}`, undefined, token), {
    status: 200,
    json: { deleted: user.uuid, functions: ['hello'] },
  });
  t.like(await send('GET', '/info', undefined, token), { status: 401, json: { error: 'User not found' } });
  t.deepEqual(fixture.actions.slice(-2), ['user.delete', 'function.delete']);
});

test('signing out ends a token, and is nothing for a key', async (t) => {
  const { send, fixture } = await start(t);
  const { token } = (await send('POST', '/auth/register', ada)).json;
  t.is((await send('POST', '/auth/logout', undefined, await fixture.accounts.firstAdminKey())).status, 403);
  t.is((await send('POST', '/auth/logout', undefined, token)).status, 200);
  t.like(await send('GET', '/auth/me', undefined, token), {
    status: 401,
    json: { error: 'Invalid or expired token' },
  });
});

test('no secret gets into the audit log', async (t) => {
  const { send, fixture } = await start(t);
  const { token } = (await send('POST', '/auth/register', ada)).json;
  const { key, id } = (await send('POST', '/auth/keys', { name: 'k' }, token)).json;
  await send('POST', '/auth/login', { ...ada, password: 'canary-1' });
  await send('PATCH', `/auth/keys/${id}`, { name: 'x' }, token);
  await send('DELETE', `/auth/keys/${id}`, undefined, token);
  const written = JSON.stringify(fixture.auditStore.records);
  for (const secret of [ada.password, token, key, key.slice(4), 'canary-1'])
    t.false(written.includes(secret));
});
