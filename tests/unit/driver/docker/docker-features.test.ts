/** What the driver says of daemons it cannot work with, before anything is asked of them. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer as createHttpServer, type RequestListener } from 'node:http';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { detectFeatures } from '../../../../src/driver/docker/docker-features.js';
import { parseDockerHost } from '../../../../src/driver/docker/docker-host.js';
import { Engine } from '../../../../src/driver/docker/engine/engine.js';
import { DriverError } from '../../../../src/driver/driver.js';

/** How `detectFeatures` fails at this DOCKER_HOST: one sentence. */
async function sentence(t: ExecutionContext, dockerHost: string): Promise<string> {
  const engine = new Engine(parseDockerHost(dockerHost));
  t.teardown(() => engine.close());
  const error = await t.throwsAsync(detectFeatures(engine, null), { instanceOf: DriverError });
  t.regex(error.message, /^[^\n]+\.$/);
  return error.message;
}

async function listening(t: ExecutionContext, server: Server, where: string | number): Promise<string> {
  await new Promise<void>((resolve) => server.listen(where, resolve));
  t.teardown(() => server.close());
  return typeof where === 'string'
    ? `unix://${where}`
    : `tcp://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function directory(t: ExecutionContext): string {
  const path = mkdtempSync(join(tmpdir(), 'glambdar-features-'));
  t.teardown(() => rmSync(path, { recursive: true }));
  return path;
}

const answers: Record<string, RequestListener> = {
  'a page of HTML': (_, response) =>
    response.writeHead(200, { 'content-type': 'text/html' }).end('<html>\n<body>hello</body>\n</html>'),
  'JSON of something else': (_, response) =>
    response.writeHead(200, { 'content-type': 'application/json' }).end('{"hello":["world"]}'),
  'JSON null': (_, response) => response.writeHead(200, { 'content-type': 'application/json' }).end('null'),
  'a page of HTML with 404': (_, response) =>
    response.writeHead(404).end('<html>\n<body>not here</body>\n</html>'),
  'a redirect': (_, response) => response.writeHead(301, { location: '/login' }).end(),
};
for (const [what, answer] of Object.entries(answers))
  test(`a server that answers ${what} is no Docker, in one sentence`, async (t) => {
    const host = await listening(t, createHttpServer(answer), 0);
    t.regex(await sentence(t, host), /Something else than Docker answers .* correct DOCKER_HOST/);
  });

test('a proxy that answers 502 with a page is shown in one line', async (t) => {
  const page = `<html>\n${'<p>bad gateway</p>\n'.repeat(500)}</html>.`;
  const host = await listening(
    t,
    createHttpServer((_, response) => response.writeHead(502).end(page)),
    0,
  );
  const engine = new Engine(parseDockerHost(host));
  t.teardown(() => engine.close());
  const error = await t.throwsAsync(detectFeatures(engine, null), { instanceOf: DriverError });
  t.regex(error.message, /^Docker failed to answer: <html> <p>bad gateway[^\n]+$/);
  t.true(error.message.length < 1_100);
});

test('a socket that speaks no HTTP is no Docker, in one sentence', async (t) => {
  const server = createServer((socket) => socket.end('SSH-2.0-OpenSSH_9.2\r\n'));
  const host = await listening(t, server, join(directory(t), 's'));
  t.regex(await sentence(t, host), /Something else than Docker answers/);
});

test('a closed port, a directory, a file and a path below a file are no Docker, in one sentence', async (t) => {
  const there = directory(t);
  const file = join(there, 'file');
  writeFileSync(file, '');
  const server = createServer();
  const closed = await listening(t, server, 0);
  await new Promise((resolve) => server.close(resolve));
  for (const host of [
    closed,
    `unix://${there}`,
    `unix://${file}`,
    `unix://${file}/below`,
    `unix://${there}/none`,
  ])
    t.regex(await sentence(t, host), /Docker is not running|socket of Docker is missing/, host);
});
