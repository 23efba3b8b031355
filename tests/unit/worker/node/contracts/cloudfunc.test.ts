import { createServer, type Server, type Socket } from 'node:net';
import type { AddressInfo } from 'node:net';
import http from 'node:http';
import test, { type ExecutionContext } from 'ava';
import { FunctionProcess } from '../../../../helpers/function-process.js';

/** The port on which the server listens; it closes with the test. */
async function portOf(t: ExecutionContext, server: Server | http.Server): Promise<number> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => sockets.add(socket.on('error', () => undefined)));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  return (server.address() as AddressInfo).port;
}

/** A worker in front of the image whose server is on this port. */
const inFrontOf = (t: ExecutionContext, port: number): Promise<FunctionProcess> =>
  FunctionProcess.load(t, {}, { contract: 'cloudfunc', env: { PORT: String(port) } });

/** A server that answers every request with these bytes. */
const bytes = (answer: string, end = true): Server =>
  createServer((socket) => {
    socket.once('data', () => (end ? socket.end(answer) : socket.write(answer)));
  });

test('a call is POST /run to the server of the image, a call with a path a request for the path', async (t) => {
  const server = http.createServer((req, res) => {
    const chunks: Buffer[] = [];
    req.on('data', (chunk: Buffer) => chunks.push(chunk));
    req.on('end', () => {
      const body = Buffer.concat(chunks).toString();
      const { method, url, headers } = req;
      res.writeHead(203, [
        ['set-cookie', 'a'],
        ['set-cookie', 'b'],
        ['content-type', 'application/json'],
      ] as never);
      res.end(JSON.stringify({ method, url, headers, body }));
    });
  });
  const port = await portOf(t, server);
  const fn = await inFrontOf(t, port);
  const run = await fn.answer({
    headers: [
      ['content-type', 'application/json'],
      ['x-a', '1'],
      ['x-a', '2'],
    ],
    body: '{"a":1}',
  });
  t.is(run.message.statusCode, 203);
  t.deepEqual(
    run.message.headers.filter(([name]) => name === 'set-cookie'),
    [
      ['set-cookie', 'a'],
      ['set-cookie', 'b'],
    ],
  );
  t.deepEqual(JSON.parse(run.text), {
    method: 'POST',
    url: '/run',
    headers: {
      host: `localhost:${port}`,
      connection: 'close',
      'content-length': '7',
      'content-type': 'application/json',
      'x-a': '1, 2',
    },
    body: '{"a":1}',
  });
  t.like(await fn.json({ method: 'GET', path: '/x/%2e', query: 'a=1' }), {
    method: 'GET',
    url: '/x/%2e?a=1',
    body: '',
  });
  t.like(await fn.json({ method: 'GET', path: '/' }), { url: '/' });
  t.is((await fn.json({ body: 'x'.repeat(200_000) })).body.length, 200_000, 'a body of several reads');
});

test('an image that listens late is waited for', async (t) => {
  const server = bytes('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nlate');
  const port = await portOf(t, server);
  await new Promise((resolve) => server.close(resolve));
  const loading = inFrontOf(t, port);
  const retried = new Promise((resolve) => server.once('connection', resolve));
  server.listen(port, '127.0.0.1');
  await retried;
  t.is((await (await loading).answer()).text, 'late');
});

for (const [what, server, message] of [
  ['is not HTTP', () => bytes('hello there\r\n\r\n'), 'is not HTTP'],
  ['breaks off at once', () => bytes(''), 'broke off'],
  ['breaks off in the middle', () => bytes('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf'), 'broke off'],
  [
    'breaks off in the middle of a chunk',
    () => bytes('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n10\r\nhalf'),
    'broke off',
  ],
  ['has too large a head', () => bytes(`HTTP/1.1 200 OK\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`), '16 KiB'],
  [
    'has too many headers',
    () => bytes(`HTTP/1.1 200 OK\r\n${'a: b\r\n'.repeat(200)}Content-Length: 0\r\n\r\n`),
    '200 headers|201 headers',
  ],
  [
    'changes the protocol',
    () => bytes('HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n', false),
    'broke off',
  ],
  ['has no usable status', () => bytes('HTTP/1.1 999 No\r\nContent-Length: 0\r\n\r\n'), '999'],
] as const)
  test(`an answer that ${what} is a bad one, and the worker lives on`, async (t) => {
    const fn = await inFrontOf(t, await portOf(t, server()));
    for (const _ of [1, 2]) {
      const failure = await fn.failure();
      t.is(failure.kind, 'bad-response');
      t.regex(failure.error.message, new RegExp(message));
    }
  });

test('a broken connection has a name of its own, by which the host knows to look for the end of the image', async (t) => {
  const server = bytes('');
  const fn = await inFrontOf(t, await portOf(t, server));
  t.is((await fn.failure()).error.name, 'BrokenOff');
  await new Promise((resolve) => server.close(resolve));
  t.like((await fn.failure()).error, { name: 'BrokenOff' });
});

test('of an answer that is too large no more is read than shows it', async (t) => {
  let written = 0;
  const server = http.createServer((_req, res) => {
    const more = (): void => {
      while (!res.destroyed && written < 50e6 && res.write(Buffer.alloc(64_000))) written += 64_000;
    };
    res.on('drain', more);
    more();
  });
  const fn = await inFrontOf(t, await portOf(t, server));
  t.like(await fn.failure({ maxResponseBytes: 100_000 }), { kind: 'response-too-large' });
  t.true(written < 50e6);
});

test('a redirect is an answer, and is not followed', async (t) => {
  const asked: string[] = [];
  const server = http.createServer((req, res) => {
    asked.push(req.url!);
    res.writeHead(302, { location: '/elsewhere' }).end();
  });
  const fn = await inFrontOf(t, await portOf(t, server));
  t.is((await fn.answer()).message.statusCode, 302);
  t.deepEqual(asked, ['/run']);
});

test('a caller that goes ends the exchange', async (t) => {
  let fn!: FunctionProcess;
  const closed = new Promise((resolve) => {
    const server = http.createServer((req) => {
      req.on('close', resolve);
      fn.connection.cancel('wire-1');
    });
    void portOf(t, server).then(async (port) => {
      fn = await inFrontOf(t, port);
      fn.call().catch(() => undefined); // the test ends first
    });
  });
  await closed;
  t.pass();
});
