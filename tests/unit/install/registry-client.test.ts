import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import test, { type ExecutionContext } from 'ava';
import { RegistryClient } from '../../../src/install/registry-client.js';

async function listening(t: ExecutionContext, server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => {
    server.close();
    server.closeAllConnections();
  });
  return (server.address() as AddressInfo).port;
}

const access = { authorization: 'Bearer secret', ca: undefined, rejectUnauthorized: true };

test('a proxy for plain HTTP is asked for the whole address, with its own credentials', async (t) => {
  const asked: IncomingMessage[] = [];
  const port = await listening(
    t,
    createServer((req, res) => {
      asked.push(req);
      res.end('x');
    }),
  );
  const proxy = new URL(`http://u:p%20w@127.0.0.1:${port}`);
  const client = new RegistryClient({ ...access, url: new URL('http://registry.example/base/'), proxy });
  t.teardown(() => client.close());
  const response = await client.request('GET', '/base/a', {}, new AbortController().signal);
  response.resume();
  t.is(asked[0]?.url, 'http://registry.example/base/a');
  t.is(asked[0]?.headers.host, 'registry.example');
  t.is(asked[0]?.headers['proxy-authorization'], `Basic ${Buffer.from('u:p w').toString('base64')}`);
});

test('through a proxy for HTTPS leads a tunnel, in which nothing but TLS is sent', async (t) => {
  const asked: IncomingMessage[] = [];
  const first = deferred<Buffer>();
  const server = createServer();
  server.on('connect', (req, socket: Socket) => {
    asked.push(req);
    socket.write('HTTP/1.1 200 OK\r\n\r\n');
    socket.once('data', (bytes: Buffer) => {
      first.resolve(bytes);
      socket.destroy();
    });
  });
  const port = await listening(t, server);
  const client = new RegistryClient({
    ...access,
    url: new URL('https://registry.example/'),
    proxy: new URL(`http://127.0.0.1:${port}`),
  });
  t.teardown(() => client.close());
  await t.throwsAsync(client.request('GET', '/a', {}, new AbortController().signal));
  t.is(asked[0]?.url, 'registry.example:443');
  t.is(asked[0]?.headers['authorization'], undefined);
  t.is((await first.promise)[0], 0x16, 'the first record of a TLS handshake');
});

test('a proxy that refuses the tunnel fails the request', async (t) => {
  const server = createServer();
  server.on('connect', (_req, socket: Socket) => socket.end('HTTP/1.1 407 No\r\n\r\n'));
  const port = await listening(t, server);
  const client = new RegistryClient({
    ...access,
    url: new URL('https://registry.example/'),
    proxy: new URL(`http://127.0.0.1:${port}`),
  });
  t.teardown(() => client.close());
  await t.throwsAsync(client.request('GET', '/a', {}, new AbortController().signal), {
    message: /status 407/,
  });
});

function deferred<T>() {
  let resolve = (_value: T): void => undefined;
  const promise = new Promise<T>((settle) => (resolve = settle));
  return { promise, resolve };
}
