import test, { type ExecutionContext } from 'ava';
import { DEFAULT_SETTINGS } from '../../../../src/model/function/settings.js';
import { includesRole, ROLES, type Role } from '../../../../src/model/principal.js';
import type { Registry } from '../../../../src/registry/registry.js';
import { AccountsFixture } from '../../accounts/accounts-fixture.js';
import { FakeRegistry } from '../fakes.js';
import { head, reached, startServer, turns, type Fixture } from '../server-fixture.js';

/** Knows which namespaces it was asked for; `public` is a public function of the default namespace. */
class NamespacedRegistry extends FakeRegistry {
  readonly asked: string[] = [];

  override list(namespace?: string) {
    this.asked.push(namespace ?? '');
    return namespace === 'left-behind' ? super.list() : [];
  }
  override find(ref: Parameters<Registry['find']>[0]) {
    if (ref.name !== 'hello' || ref.namespace !== 'default') return super.find(ref);
    const source = { type: 'image' as const, image: 'x', digest: null, ports: [] };
    const id = '' as never;
    const active = { functionId: id, version: 1, digest: '', sizeBytes: 0, createdAt: 0, source };
    return { id, ref, createdAt: 0, updatedAt: 0, active, settings: { ...DEFAULT_SETTINGS, public: true } };
  }
}

interface Signed extends Fixture {
  fixture: AccountsFixture;
  registry: NamespacedRegistry;
  /** A key with a role in a namespace of its own. */
  keyOf(role: Role, more?: Record<string, unknown>): Promise<string>;
}

async function startSigned(t: ExecutionContext): Promise<Signed> {
  const fixture = new AccountsFixture();
  const registry = new NamespacedRegistry();
  const server = await startServer(t, {
    deps: { accounts: fixture.accounts, registry, deployments: registry },
  });
  let users = 0;
  return {
    ...server,
    fixture,
    registry,
    keyOf: async (role, more = {}) => {
      const { user } = await fixture.register(`user${(users += 1)}`);
      await fixture.accounts.users.change(user.id, { role });
      const principal = { kind: 'user', id: user.id, user: user.id, namespace: user.id, role } as const;
      const { text } = await fixture.accounts.keys.create(
        { ...principal, functions: null, mayBridge: false },
        { name: 'k', role, ...more },
      );
      return text;
    },
  };
}

const bearer = (text: string) => ({ authorization: `Bearer ${text}` });

const wrong: [headers: Record<string, string>, error: string][] = [
  [{}, 'Missing authorization header'],
  [{ authorization: 'Basic YTpi' }, 'Invalid authorization header format'],
  [{ authorization: 'Bearer' }, 'Invalid authorization header format'],
  [{ authorization: 'Bearer a b' }, 'Invalid authorization header format'],
  [{ authorization: 'Bearer x' }, 'Invalid or expired token'],
  [{ 'x-api-key': 'x' }, 'Invalid or expired token'],
  [{ 'x-api-key': `glm_${'A'.repeat(43)}` }, 'Invalid or expired token'],
];

for (const [headers, error] of wrong)
  test(`a request with ${JSON.stringify(headers)} is refused with 401 by every family`, async (t) => {
    const { url } = await startSigned(t);
    for (const [method, path] of [
      ['GET', '/info'],
      ['GET', '/v1/functions'],
      ['GET', '/ping'],
      ['POST', '/functions/hello'],
      ['GET', '/function/hello'],
      ['GET', '/auth/me'],
      ['POST', '/r/x'],
      ['POST', '/invoke/other'],
    ] as const) {
      const response = await fetch(url + path, { method, headers });
      t.is(response.status, 401, path);
      t.is(response.headers.get('www-authenticate'), 'Bearer');
      const { error: said, message } = (await response.json()) as Record<string, string>;
      t.is(said ?? message, error, path);
    }
  });

test('every route lets the roles in that it names, tells others which may, and those without a token nothing', async (t) => {
  const { app, url, keyOf } = await startSigned(t);
  const keys = new Map<Role, string>();
  for (const role of ROLES) keys.set(role, await keyOf(role));
  const routes = app.routes.map((route) => ({
    ...route,
    method: route.method ?? 'POST',
    // The example of the path that a route of calls names in words.
    path: route.path
      .replace(/\[.*$/, '')
      .replace(/^.* /, '')
      .replace('/<path>', '/x')
      .replace(/:\w+/g, 'unknown'),
  }));
  t.true(routes.length > 30);
  for (const { method, path, need } of routes) {
    const none = await fetch(url + path, { method });
    t.is(none.status === 401, need !== 'open', `${method} ${path} without a token: ${none.status}`);
    await none.body?.cancel();
    if (need === 'open') continue;
    for (const role of ROLES) {
      const response = await fetch(url + path, { method, headers: bearer(keys.get(role)!) });
      const text = await response.text();
      const what = `${method} ${path} as ${role}: ${response.status} ${text}`;
      t.not(response.status, 401, what);
      const refused = response.status === 403 && text.includes('This needs the role');
      t.is(refused, !includesRole(role, need), what);
      if (refused) t.true(text.includes(`the role ${need}`), what);
    }
  }
});

test('somebody without the role admin has one namespace, and every other is unknown to them', async (t) => {
  const { url, registry, keyOf, fixture } = await startSigned(t);
  const other = (await fixture.register('other')).user.id;
  const key = await keyOf('deployer');
  registry.asked.length = 0;
  t.is((await fetch(`${url}/info`, { headers: bearer(key) })).status, 200);
  const [own] = registry.asked;
  t.regex(own!, /^[0-9a-f-]{36}$/);
  const bodies = new Set<string>();
  for (const namespace of [other, 'default', 'left-behind', 'nobody', '', '..', `${own}, ${other}`]) {
    const response = await fetch(`${url}/info`, {
      headers: { ...bearer(key), 'x-glambdar-namespace': namespace },
    });
    t.is(response.status, 404, namespace);
    bodies.add(((await response.json()) as { error: string }).error);
  }
  t.deepEqual([...bodies], ['There is no such namespace.']);
  const same = await fetch(`${url}/info`, { headers: { ...bearer(key), 'x-glambdar-namespace': own! } });
  t.is(same.status, 200);
});

test('an admin chooses a namespace that there is', async (t) => {
  const { url, registry, keyOf, fixture } = await startSigned(t);
  const other = (await fixture.register('other')).user.id;
  const key = await keyOf('admin');
  for (const [namespace, status] of [
    [other, 200],
    ['default', 200],
    ['left-behind', 200],
    ['nobody', 404],
  ] as const) {
    registry.asked.length = 0;
    const headers = { ...bearer(key), 'x-glambdar-namespace': namespace };
    t.is((await fetch(`${url}/info`, { headers })).status, status, namespace);
    if (status === 200) t.is(registry.asked.at(-1), namespace);
  }
});

test('a key that is limited to functions calls them and sees nothing', async (t) => {
  const { url, keyOf } = await startSigned(t);
  const key = await keyOf('invoker', { scopes: ['invoke:hello'] });
  const call = (path: string, init: RequestInit = { method: 'POST' }) =>
    fetch(url + path, { ...init, headers: bearer(key) });
  t.is((await call('/invoke/hello')).status, 200);
  t.is((await call('/functions/hello')).status, 200);
  t.is((await call('/invoke/other')).status, 404);
  t.is(
    (await call('/invoke', { method: 'POST', body: '{"function_name":"other","payload":1}' })).status,
    404,
  );
  for (const path of ['/info', '/logs/hello', '/functions', '/auth/me', '/auth/keys'])
    t.is((await call(path, {})).status, 403, path);
});

test('a public function of the default namespace is called without a token, and with one of its own', async (t) => {
  const { url, invoker } = await startSigned(t);
  for (const headers of [
    {},
    bearer('its own'),
    { authorization: 'Basic YTpi' },
    { 'x-api-key': 'its own' },
  ]) {
    const response = await fetch(`${url}/invoke/hello`, { method: 'POST', headers });
    t.is(response.status, 200);
    const [name, value] = Object.entries(headers)[0] ?? [];
    t.deepEqual(
      invoker.ran.at(-1)!.headers.filter(([header]) => header === 'authorization' || header === 'x-api-key'),
      name === undefined ? [] : [[name, value]],
    );
  }
  t.is((await fetch(`${url}/functions/hello`, { method: 'POST' })).status, 401, 'by /invoke only');
});

test('a function does not see what proved who calls it', async (t) => {
  const { port, raw, invoker, keyOf } = await startSigned(t);
  const key = await keyOf('admin');
  t.true(port > 0);
  const client = await raw();
  for (const headers of [
    [`Authorization: Bearer ${key}`],
    [`X-API-KEY: ${key}`, 'X-Glambdar-Namespace: default'],
    [`X-API-Key: ${key}`, `Authorization: Bearer ${key}`],
    [`X-API-Key: glm_${'A'.repeat(43)}`],
  ]) {
    const response = await client
      .send(head('POST /invoke/hello', ...headers, 'Content-Length: 0', 'X-Own: 1'))
      .response();
    t.is(response.status, 200);
    const seen = invoker.ran.at(-1)!.headers;
    t.notRegex(JSON.stringify(seen), /glm_|namespace/i);
    t.true(seen.some(([name]) => name === 'x-own'));
  }
  client.socket.destroy();
});

test('a key that is ended on an open connection is refused at its next request', async (t) => {
  const { raw, keyOf, fixture } = await startSigned(t);
  const key = await keyOf('invoker');
  const client = await raw();
  const request = head('POST /functions/hello', `X-API-Key: ${key}`, 'Content-Length: 0');
  for (let call = 0; call < 3; call += 1) t.is((await client.send(request).response()).status, 200);
  const [record] = (await fixture.store.keys()).slice(-1);
  const admin = {
    kind: 'operator',
    id: '',
    namespace: 'default',
    role: 'admin',
    functions: null,
    mayBridge: true,
  } as const;
  await fixture.accounts.keys.remove(admin, record!.id);
  t.is((await client.send(request).response()).status, 401);
  client.socket.destroy();
});

test('a stream of logs ends when the key that it was opened with does', async (t) => {
  const { url, keyOf, fixture, logs } = await startSigned(t);
  const admin = { kind: 'operator', id: '', namespace: 'default', role: 'admin', functions: null } as const;
  const manager = { ...admin, mayBridge: true };
  const open = async (role: Role) => {
    const key = await keyOf(role);
    const [record] = (await fixture.store.keys()).slice(-1);
    const response = await fetch(`${url}/logs/hello?follow=1`, { headers: bearer(key) });
    t.is(response.status, 200);
    return { record: record!, text: response.text() };
  };
  const removed = await open('viewer');
  await fixture.accounts.keys.remove(manager, removed.record.id);
  t.regex(await removed.text, /the token or key of this stream is over/);
  const lessened = await open('deployer');
  await fixture.accounts.users.change(lessened.record.userId!, { role: 'viewer' });
  t.regex(await lessened.text, /is over/);
  const gone = await open('viewer');
  const staying = await open('viewer');
  // Another process changes the store.
  await fixture.store.removeUser(gone.record.userId!);
  fixture.time += 5_000;
  fixture.clock.move(5_000);
  t.regex(await gone.text, /is over/);
  t.is(logs.listeners.size, 1);
  await fixture.accounts.keys.remove(manager, staying.record.id);
  await staying.text;
  await logs.unfollowed();
});

test('a stream of logs ends when its key is limited to functions', async (t) => {
  const { url, keyOf, fixture, logs } = await startSigned(t);
  const admin = { kind: 'operator', id: '', namespace: 'default', role: 'admin', functions: null } as const;
  const key = await keyOf('viewer');
  const [record] = (await fixture.store.keys()).slice(-1);
  const response = await fetch(`${url}/logs/hello?follow=1`, { headers: bearer(key) });
  await fixture.accounts.keys.change({ ...admin, mayBridge: true }, record!.id, {
    role: 'invoker',
    scopes: ['invoke:hello'],
  });
  t.regex(await response.text(), /the token or key of this stream is over/);
  await logs.unfollowed();
});

test("a stream of Invok's logs ends when the key that it was opened with does", async (t) => {
  const { url, keyOf, fixture, logs, registry } = await startSigned(t);
  const admin = { kind: 'operator', id: '', namespace: 'default', role: 'admin', functions: null } as const;
  const key = await keyOf('viewer');
  const [record] = (await fixture.store.keys()).slice(-1);
  await registry.deployImage({
    ref: { namespace: record!.namespace, name: 'hello' },
    image: 'x',
    settings: {},
  });
  const response = await fetch(`${url}/invok/logs/${record!.namespace}/hello`, { headers: bearer(key) });
  t.is(response.status, 200);
  await fixture.accounts.keys.remove({ ...admin, mayBridge: true }, record!.id);
  t.regex(await response.text(), /the token or key of this stream is over/);
  await logs.unfollowed();
});

test('a client that leaves while its key is looked up leaves no call open', async (t) => {
  const { raw, keyOf, fixture, observed, invoker } = await startSigned(t);
  const key = await keyOf('invoker');
  const { authentication } = fixture.accounts;
  const found = await authentication.authenticate(key);
  let answered!: () => void;
  const asked = new Promise<void>((resolve) => {
    authentication.authenticate = () => {
      resolve();
      return new Promise((answer) => (answered = () => answer(found)));
    };
  });
  const client = await raw();
  client.send(head('POST /invoke/hello', `X-API-Key: ${key}`, 'Content-Length: 2') + 'x');
  await asked;
  client.socket.destroy();
  while (observed.length === 0) await turns(1);
  answered();
  while (invoker.admitted.length === 0) await turns(1);
  await invoker.settled();
  t.is(invoker.abandoned, 1);
});

test('with accounts a server answers to any name, but to one only', async (t) => {
  const { raw } = await startSigned(t);
  for (const [lines, status] of [
    ['Host: fn.example.com', 200],
    ['Host: fn.example.com\r\nHost: other.example.com', 421],
    ['Host: a@b', 421],
  ] as const) {
    const client = await raw();
    t.is((await client.send(`GET /healthz HTTP/1.1\r\n${lines}\r\n\r\n`).response()).status, status, lines);
    client.socket.destroy();
  }
});

test('a page of another site is refused with accounts, too', async (t) => {
  const { url, keyOf } = await startSigned(t);
  const headers = { ...bearer(await keyOf('admin')), origin: 'https://evil.example' };
  t.is((await fetch(`${url}/deploy`, { method: 'POST', headers })).status, 403);
});

const FORM = '--b\r\nContent-Disposition: form-data; name="file"; filename="f.zip"\r\n\r\nPK\r\n--b--\r\n';

/** What a route gets whose body is no JSON object; null: the route acts without reading a body. */
const bodies: Record<string, { type?: string; body: string } | null> = {
  'POST /deploy': { type: 'multipart/form-data; boundary=b', body: FORM },
  'POST /invok/deploy': { type: 'multipart/form-data; boundary=b', body: FORM },
  'PUT /functions/:name/secrets/:key': { type: 'text/plain', body: 'a value' },
  'POST /functions': { body: '{"name":"f","file":"UEs="}' },
  'POST /functions/': { body: '{"name":"f","file":"UEs="}' },
  'POST /auth/logout': null,
  'POST /v1/functions/:id/pull': null,
  // A call that was let in goes on.
  'POST /functions/:name': null,
  'POST /invoke': null,
};

for (const end of ['signed out', 'removed', 'given a lesser role'] as const)
  test(`whoever is ${end} while the body of a request arrives does nothing with it, by any route`, async (t) => {
    const server = await startSigned(t);
    const { fixture, registry, secrets } = server;
    const { users } = fixture.accounts;
    const routes = server.app.routes.filter(
      ({ method, need }) => method !== null && method !== 'GET' && method !== 'DELETE' && need !== 'open',
    );
    t.true(routes.length > 15);
    for (const { method, path } of routes) {
      const name = `${method} ${path}`;
      if (bodies[name] === null) continue;
      const json = JSON.stringify({
        name: 'f',
        image: 'x',
        payload: 1,
        version: 1,
        role: 'admin',
        path: '/x',
      });
      const { type = 'application/json', body } = bodies[name] ?? { body: json };
      const { user, token } = await fixture.register(`user${Math.random()}`);
      await users.change(user.id, { role: 'admin' });
      const target = path
        .replace(/:(id|namespace)/, user.id)
        .replace(':key', 'K')
        .replace(':name', 'hello');
      const client = await server.raw();
      client.send(
        head(
          `${method} ${target}`,
          `Authorization: Bearer ${token}`,
          `Content-Type: ${type}`,
          `Content-Length: ${body.length}`,
        ) + body.slice(0, -2),
      );
      await reached(server);
      if (end === 'signed out') await users.signOut(user.id);
      else if (end === 'removed') await users.remove(user.id);
      else await users.change(user.id, { role: 'viewer' });
      const answer = await client.send(body.slice(-2)).response();
      const want = end === 'given a lesser role' ? 403 : 401;
      t.is(answer.status, want, `${name}: ${answer.body}`);
      client.socket.destroy();
    }
    t.deepEqual(registry.deploys, []);
    t.deepEqual(registry.images, []);
    t.deepEqual(registry.patches, []);
    t.deepEqual(registry.rollbacks, []);
    t.deepEqual(await fixture.store.keys(), []);
    t.deepEqual(secrets.list({ namespace: 'default', name: 'hello' }), []);
    if (end === 'given a lesser role') t.true((await users.list()).every(({ role }) => role === 'viewer'));
  });

test('a request with two headers of one kind for tokens or keys is refused by every family, whichever is right', async (t) => {
  const { raw, fixture, invoker } = await startSigned(t);
  const { token } = await fixture.register('twice');
  const client = await raw();
  for (const name of ['Authorization', 'X-API-Key'])
    for (const target of [
      'GET /info',
      'GET /v1/functions',
      'GET /ping',
      'POST /invoke/hello',
      'GET /auth/me',
      'POST /r/x',
    ])
      for (const pair of [
        [token, token],
        ['x', token],
        [token, 'x'],
      ]) {
        const lines = pair.map((text) => `${name}: Bearer ${text}`);
        const { status, body } = await client.send(head(target, ...lines)).response();
        t.is(status, 400, `${target} ${body}`);
        t.regex(body, /send one, with one token or key/);
      }
  t.is(invoker.ran.length, 0);
});

test('a token in a header of a wrong form does not reach a public function that is called without proof', async (t) => {
  const { raw, fixture, invoker } = await startSigned(t);
  const { token } = await fixture.register('misspelt');
  const client = await raw();
  for (const value of [`Bearer\t${token}`, `Token ${token}`, `Bearer a ${token}`, token]) {
    const request = head('POST /invoke/hello', `Authorization: ${value}`, 'X-A: 1');
    t.is((await client.send(request).response()).status, 200, value);
    t.deepEqual(invoker.ran.pop()?.headers, [['x-a', '1']], value);
  }
});
