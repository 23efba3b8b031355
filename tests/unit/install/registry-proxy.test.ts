/** The proxy on a socket of its own, in front of a registry on the loopback. */
import { createServer, request, type IncomingMessage, type RequestListener } from 'node:http';
import { createConnection, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { RegistryClient } from '../../../src/install/registry-client.js';
import { createRegistryProxy, refusalOf, type ProxyEntry } from '../../../src/install/registry-proxy.js';
import { temporaryDirectory } from '../../helpers/temporary-directory.js';

const BASE = '/base/';

interface Fixture {
  entries: ProxyEntry[];
  /** What the registry was asked. */
  asked: IncomingMessage[];
  get(
    path: string,
    options?: { method?: string; headers?: Record<string, string> },
  ): Promise<{ status: number; body: string; headers: IncomingMessage['headers'] }>;
  /** Opens a connection, sends bytes, ends it, and resolves when it is closed. */
  connect(bytes: string): Promise<void>;
}

async function fixture(
  t: ExecutionContext,
  registry: RequestListener,
  limits = { maxRequests: 100, maxBytes: 1e6 },
): Promise<Fixture> {
  const asked: IncomingMessage[] = [];
  const upstream = createServer((req, res) => {
    asked.push(req);
    registry(req, res);
  });
  await new Promise<void>((resolve) => upstream.listen(0, '127.0.0.1', resolve));
  const { port } = upstream.address() as AddressInfo;
  const url = new URL(`http://127.0.0.1:${port}${BASE}`);
  const client = new RegistryClient({
    url,
    authorization: 'Bearer secret',
    proxy: null,
    ca: undefined,
    rejectUnauthorized: true,
  });
  const entries: ProxyEntry[] = [];
  const proxy = createRegistryProxy({
    client,
    basePath: BASE,
    limits,
    onEntry: (entry) => entries.push(entry),
  });
  const socketPath = join(temporaryDirectory(t), 'r');
  await new Promise<void>((resolve) => proxy.listen(socketPath, resolve));
  t.teardown(() => {
    client.close();
    for (const server of [proxy, upstream]) {
      server.close();
      server.closeAllConnections();
    }
  });
  const get: Fixture['get'] = (path, { method = 'GET', headers = {} } = {}) =>
    new Promise((resolve, reject) => {
      const outgoing = request({ socketPath, path, method, headers, agent: false }, (res) => {
        let body = '';
        res.setEncoding('utf8').on('data', (text: string) => (body += text));
        res.on('end', () => resolve({ status: res.statusCode!, body, headers: res.headers }));
        res.on('error', reject);
      });
      outgoing.on('error', reject).end();
    });
  const connect = (bytes: string): Promise<void> =>
    new Promise((resolve) => {
      const socket = createConnection(socketPath).on('error', () => undefined);
      socket
        .on('close', () => resolve())
        .resume()
        .end(bytes);
    });
  return { entries, asked, get, connect };
}

test('a reading request reaches the registry with its credentials, and the answer comes back', async (t) => {
  const { entries, asked, get } = await fixture(t, (_req, res) => {
    res.writeHead(200, {
      etag: '"x"',
      'set-cookie': 'a=b',
      'content-type': 'application/json',
      'x-internal': '1',
    });
    res.end('{"name":"a"}');
  });
  const answer = await get('/base/a', {
    headers: {
      accept: 'application/json',
      authorization: 'Bearer mine',
      cookie: 'x',
      'npm-session': 'y',
      host: 'evil.example',
    },
  });
  t.is(answer.status, 200);
  t.is(answer.body, '{"name":"a"}');
  t.is(answer.headers['etag'], '"x"');
  t.is(answer.headers['set-cookie'], undefined);
  t.is(answer.headers['x-internal'], undefined);
  const { headers, url } = asked[0]!;
  t.is(url, '/base/a');
  t.is(headers['authorization'], 'Bearer secret');
  t.is(headers['accept'], 'application/json');
  t.is(headers['cookie'], undefined);
  t.is(headers['npm-session'], undefined);
  t.regex(headers['host']!, /^127\.0\.0\.1:/);
  t.like(entries[0], { method: 'GET', path: '/base/a', status: 200, bytes: 12 });
});

test('what is not for the registry is refused, and the registry never hears of it', async (t) => {
  const { entries, asked, get } = await fixture(t, (_req, res) => res.end('x'));
  for (const path of [
    '/',
    '/base/',
    '/base',
    '/other/a',
    '/base/../etc',
    '/base/%2e%2e/etc',
    '/base//a',
    '/base/a/..',
    '/base/-/npm/v1/tokens',
    '/base/-/whoami',
    '/base/%2d/whoami',
    'http://evil.example/base/a',
  ])
    t.is((await get(path)).status, 403, path);
  for (const method of ['POST', 'PUT', 'DELETE', 'PATCH'])
    t.is((await get('/base/a', { method })).status, 403, method);
  t.deepEqual(asked, []);
  t.true(entries.every(({ status }) => status === 'refused'));
});

test('packages with scopes, archives and queries are forwarded as they are asked for', (t) => {
  for (const path of [
    '/base/a',
    '/base/@s%2fa',
    '/base/@s/a',
    '/base/a/-/a-1.0.0.tgz',
    '/base/a?write=true',
    '/base/-a',
    '/base/a/-/..a.tgz',
  ])
    t.is(refusalOf('GET', path, BASE), undefined, path);
  t.is(refusalOf('GET', '/-/whoami', '/'), 'it is no package');
  t.is(refusalOf('GET', `/base/${'a'.repeat(3000)}`, BASE), 'the path is too long');
  t.is(refusalOf('GET', '/base/a%zz', BASE), 'the path has empty parts or dots');
});

test('a redirect is not followed', async (t) => {
  const { entries, asked, get } = await fixture(t, (_req, res) => {
    res.writeHead(302, { location: 'http://evil.example/' });
    res.end();
  });
  const answer = await get('/base/a/-/a-1.0.0.tgz');
  t.is(answer.status, 502);
  t.is(answer.headers['location'], undefined);
  t.is(asked.length, 1);
  t.is(entries[0]?.status, 302);
});

test('an answer that breaks off breaks off, and is noted', async (t) => {
  const { entries, get } = await fixture(t, (_req, res) => {
    res.writeHead(200, { 'content-length': '100' });
    res.write('half');
    setImmediate(() => res.destroy());
  });
  await t.throwsAsync(get('/base/a'));
  t.like(entries[0], { status: 'failed' });
});

test('a registry that is away is a 502 with no word about where it is', async (t) => {
  const { entries, get } = await fixture(t, (req) => req.socket.destroy());
  const answer = await get('/base/a');
  t.is(answer.status, 502);
  t.notRegex(answer.body, /127\.0\.0\.1|secret/);
  t.is(entries[0]?.status, 'failed');
});

test('requests and bytes of one install are bounded', async (t) => {
  const few = await fixture(t, (_req, res) => res.end('x'), { maxRequests: 2, maxBytes: 1e6 });
  t.deepEqual(
    [(await few.get('/base/a')).status, (await few.get('/base/a')).status, (await few.get('/base/a')).status],
    [200, 200, 403],
  );
  const small = await fixture(t, (_req, res) => res.end('x'.repeat(1000)), {
    maxRequests: 100,
    maxBytes: 1500,
  });
  t.is((await small.get('/base/a')).status, 200);
  await t.throwsAsync(small.get('/base/b'));
  t.is(small.asked.length, 2);
});

test('an install that asks too often is heard no more, and what it asked for takes no memory', async (t) => {
  const { entries, get } = await fixture(t, (_req, res) => res.end('x'), { maxRequests: 3, maxBytes: 1e6 });
  const statuses: (number | string)[] = [];
  for (let n = 0; n < 10; n += 1)
    statuses.push(
      await get(`/base/${'a'.repeat(6000)}`).then(
        ({ status }) => status,
        () => 'not heard',
      ),
    );
  t.deepEqual(statuses.slice(0, 4), [403, 403, 403, 403]);
  t.deepEqual([...new Set(statuses.slice(4))], ['not heard']);
  t.is(entries.length, 4);
  t.true(entries.every(({ path }) => path.length <= 2048));
});

test('bytes that are no request, and connections without any, count as requests', async (t) => {
  const { get, connect } = await fixture(t, (_req, res) => res.end('x'), { maxRequests: 3, maxBytes: 1e6 });
  for (let n = 0; n < 5; n += 1) await connect('no HTTP\r\n\r\n');
  await t.throwsAsync(get('/base/a'), undefined, 'after broken requests');
  const other = await fixture(t, (_req, res) => res.end('x'), { maxRequests: 3, maxBytes: 1e6 });
  for (let n = 0; n < 5; n += 1) await other.connect('');
  await t.throwsAsync(other.get('/base/a'), undefined, 'after connections');
});
