import { BlockList } from 'node:net';
import test from 'ava';
import { startServer } from '../server-fixture.js';

const publicUrl = new URL('https://fn.example.com/base');

const hosts: [host: string, status: number][] = [
  ['localhost', 200],
  ['LOCALHOST:8000', 200],
  ['127.0.0.1', 200],
  ['127.8.9.10:99', 200],
  ['[::1]:8000', 200],
  ['[0:0:0:0:0:0:0:1]', 200],
  ['fn.example.com', 200],
  ['fn.example.com:443', 200],
  ['evil.example', 421],
  ['localhost.evil.example', 421],
  ['localhost@evil.example', 421],
  ['evil.example@localhost', 421],
  ['localhost:80:80', 421],
  ['127.0.0.1.evil.example', 421],
  ['0177.0.0.1', 421],
  ['10.0.0.1', 421],
  ['[::2]', 421],
  ['[::', 421],
  ['', 421],
  ['a b', 421],
];
for (const [host, status] of hosts) {
  test(`the Host "${host}" answers ${status} on every kind of path`, async (t) => {
    const { raw } = await startServer(t, { config: { publicUrl } });
    for (const path of ['/healthz', '/metrics', '/invoke/hello', '/readyz']) {
      const client = await raw();
      const response = await client.send(`GET ${path} HTTP/1.1\r\nHost: ${host}\r\n\r\n`).response();
      t.is(response.status, status, path);
      if (status === 421) t.is((JSON.parse(response.body) as { code: string }).code, 'MISDIRECTED_REQUEST');
      client.socket.destroy();
    }
  });
}

test('the address a client came to is an allowed host when the server listens on all', async (t) => {
  const { raw } = await startServer(t, { config: { host: '0.0.0.0' }, server: { host: '0.0.0.0' } });
  const client = await raw();
  t.is((await client.send('GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n').response()).status, 200);
  t.is((await client.send('GET /healthz HTTP/1.1\r\nHost: 0.0.0.0:1\r\n\r\n').response()).status, 200);
});

const origins: [title: string, headers: Record<string, string>, status: number][] = [
  ['neither header, as curl', {}, 200],
  ['Sec-Fetch-Site same-origin', { 'sec-fetch-site': 'same-origin' }, 200],
  ['Sec-Fetch-Site none', { 'sec-fetch-site': 'none' }, 200],
  ['Sec-Fetch-Site same-site', { 'sec-fetch-site': 'same-site' }, 403],
  ['Sec-Fetch-Site cross-site', { 'sec-fetch-site': 'cross-site' }, 403],
  ['Sec-Fetch-Site nonsense', { 'sec-fetch-site': 'x' }, 403],
  ['its own Origin', { origin: 'http://localhost:8000' }, 200],
  ['its own Origin behind TLS', { origin: 'https://localhost:8000' }, 200],
  ['the public Origin', { origin: 'https://fn.example.com' }, 200],
  ['the public host without TLS', { origin: 'http://fn.example.com' }, 403],
  ['another port', { origin: 'http://localhost:3000' }, 403],
  ['another host', { origin: 'https://evil.example' }, 403],
  ['the Origin null of a sandboxed page', { origin: 'null' }, 403],
  ['an empty Origin', { origin: '' }, 403],
  ['another scheme', { origin: 'ftp://localhost:8000' }, 403],
  [
    'its own Origin but a cross-site fetch',
    { origin: 'http://localhost:8000', 'sec-fetch-site': 'cross-site' },
    403,
  ],
];
for (const [title, headers, status] of origins) {
  test(`a state-changing request with ${title} answers ${status}`, async (t) => {
    const { raw, invoker } = await startServer(t, { config: { publicUrl } });
    const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
    for (const [method, path] of [
      ['DELETE', '/del/hello'],
      ['POST', '/invoke/hello'],
      ['GET', 'http://localhost:8000/invoke/hello'],
    ] as const) {
      const client = await raw();
      const response = await client
        .send(`${method} ${path} HTTP/1.1\r\nHost: localhost:8000\r\n${lines.join('')}\r\n`)
        .response();
      t.is(response.status, status);
      if (status === 403) {
        const { code, error } = JSON.parse(response.body) as { code: string; error: string };
        t.is(code, 'FORBIDDEN_ORIGIN');
        t.regex(error, /GLAMBDAR_PUBLIC_URL/);
        if (headers['origin'] !== undefined) t.true(error.includes(JSON.stringify(headers['origin'])));
      }
      client.socket.destroy();
    }
    t.is(invoker.ran.length, status === 200 ? 2 : 0);
    const client = await raw();
    const read = await client
      .send(`GET /info HTTP/1.1\r\nHost: localhost:8000\r\n${lines.join('')}\r\n`)
      .response();
    t.is(read.status, 200);
    client.socket.destroy();
  });
}

test('behind a trusted proxy its word about the host counts for both rules, and must name this server as well', async (t) => {
  const trustedProxies = new BlockList();
  trustedProxies.addAddress('127.0.0.1');
  const trusting = await startServer(t, { config: { publicUrl, trustedProxies } });
  const wary = await startServer(t, { config: { publicUrl } });
  const page = 'Origin: https://fn.example.com\r\nSec-Fetch-Site: same-origin\r\n';
  const ask = async (
    server: typeof wary,
    host: string,
    forwarded: string,
    origin = page,
  ): Promise<number> => {
    const client = await server.raw();
    const request = `DELETE /del/hello HTTP/1.1\r\nHost: ${host}\r\nX-Forwarded-Host: ${forwarded}\r\n${origin}\r\n`;
    const { status } = await client.send(request).response();
    client.socket.destroy();
    return status;
  };
  t.is(await ask(trusting, '127.0.0.1:8000', 'fn.example.com'), 200);
  t.is(await ask(trusting, '127.0.0.1:8000', 'evil.example'), 421);
  t.is(
    await ask(trusting, 'evil.example', 'fn.example.com'),
    421,
    'a page that points its name at the proxy',
  );
  const foreign = 'Origin: https://evil.example\r\n';
  t.is(await ask(trusting, '127.0.0.1:8000', 'fn.example.com', foreign), 403);
  const local = 'Origin: http://127.0.0.1:8000\r\n';
  t.is(await ask(trusting, '127.0.0.1:8000', 'fn.example.com', local), 403);
  t.is(await ask(wary, '127.0.0.1:8000', 'evil.example', local), 200, 'others may say what they like');
});
