/** How connections live and end: what is held, for how long, and what a client gets when its connection is over. */
import { connect } from 'node:net';
import test from 'ava';
import { answer } from './fakes.js';
import { head, reached, startServer, turns } from './server-fixture.js';

const post = (body: string, ...headers: string[]): string =>
  head('POST /invoke/hello', `Content-Length: ${body.length}`, ...headers) + body;

test('a body that drips, byte by byte, has no more time than one that stops', async (t) => {
  const { raw, invoker } = await startServer(t, {
    server: { headersTimeoutMs: 100, requestTimeoutMs: 200, checkIntervalMs: 40 },
  });
  const client = await raw();
  client.socket.setNoDelay(true);
  client.send(post('x'.repeat(1000)).slice(0, -1000));
  const drip = setInterval(() => client.send('x'), 5);
  t.teardown(() => clearInterval(drip));
  t.is((await client.response()).status, 408);
  clearInterval(drip);
  client.socket.end();
  await invoker.settled();
  t.deepEqual(invoker.ran, []);
});

test('a half-sent call is refused with an answer when the server stops', async (t) => {
  const fixture = await startServer(t);
  const client = await fixture.raw();
  client.send(post('12345', 'X-Request-Id: mine').slice(0, -2));
  await reached(fixture);
  await fixture.server.close(60_000);
  const refused = await client.response();
  t.is(refused.status, 503);
  t.is(refused.headers['x-request-id'], 'mine');
  t.is(refused.headers['connection'], 'close');
  await client.closed;
  await fixture.invoker.settled();
  t.deepEqual(fixture.invoker.ran, []);
});

test('pipelined calls that came before the stop are all answered, and the newest says that the connection ends', async (t) => {
  const fixture = await startServer(t);
  const { entered, finish } = fixture.invoker.hold();
  const client = await fixture.raw();
  for (const id of ['1', '2', '3']) client.send(post(id, `X-Request-Id: r${id}`));
  await entered;
  await reached(fixture);
  const closed = fixture.server.close(60_000);
  finish();
  for (const [id, connection] of [
    ['1', 'keep-alive'],
    ['2', 'keep-alive'],
    ['3', 'close'],
  ] as const) {
    const { headers } = await client.response();
    t.is(headers['x-request-id'], `r${id}`);
    t.is(headers['connection'], connection);
  }
  await closed;
  await client.closed;
});

test('half of a call and an end are refused, and the connection ends', async (t) => {
  const { raw } = await startServer(t);
  const client = await raw();
  client.send(post('12345').slice(0, -2));
  client.socket.end();
  const refused = await client.response();
  t.is(refused.status, 400);
  t.is(refused.headers['connection'], 'close');
  await client.closed;
});

for (const [title, body] of [
  ['small', '"hi"'],
  ['large', 'x'.repeat(1_000_000)],
]) {
  test(`a client that ends its side behind its call gets a ${title} answer`, async (t) => {
    const { port, invoker } = await startServer(t, { maxBodiesBytes: 100_000_000 });
    invoker.handler = () => answer({ body: Buffer.from(body!) });
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
    let received = 0;
    socket.on('data', (bytes: Buffer) => (received += bytes.length));
    socket.end(post('1'));
    await new Promise((resolve) => socket.on('end', resolve));
    socket.destroy();
    t.true(received > body!.length);
  });
}

test('what a slow reader is sent is counted until it has it or is cut', async (t) => {
  const { raw, invoker, observed } = await startServer(t, {
    server: { writeStallMs: 30 },
    maxBodiesBytes: 100_000_000,
  });
  invoker.handler = () => answer({ body: Buffer.alloc(20_000_000) });
  const client = await raw();
  client.socket.pause();
  client.send(post('1'));
  while (observed.length === 0) await turns(1);
  t.is(observed[0]?.status, 499);
  client.socket.destroy();
});

test('connections that say nothing, leave, reset or end are not held on to', async (t) => {
  const warnings: Error[] = [];
  const note = (warning: Error): void => void warnings.push(warning);
  process.on('warning', note);
  t.teardown(() => process.off('warning', note));
  const fixture = await startServer(t, { server: { checkIntervalMs: 20 } });
  const { raw, server, observed } = fixture;
  const clients = await Promise.all(Array.from({ length: 400 }, () => raw()));
  await Promise.all(
    clients.slice(0, 300).map(async (client, index) => {
      for (let call = 0; call < 12; call += 1) t.is((await client.send(post('1')).response()).status, 200);
      if (index < 100) client.socket.destroy();
      else if (index < 200) client.socket.resetAndDestroy();
      else client.socket.end(post('123').slice(0, -1));
    }),
  );
  await reached(fixture);
  t.is(observed.filter(({ status }) => status === 200).length, 300 * 12 + 3);
  await server.close(60_000);
  await Promise.all(clients.map((client) => client.closed));
  t.deepEqual(warnings, []);
});

test('a client that resets while its answer is on its way costs nothing', async (t) => {
  const { raw, invoker, observed } = await startServer(t, { maxBodiesBytes: 100_000_000 });
  invoker.handler = () => answer({ body: Buffer.alloc(20_000_000) });
  const client = await raw();
  client.send(post('1'));
  await client.text('HTTP/1.1 200');
  client.socket.resetAndDestroy();
  while (observed.length === 0) await turns(1);
  t.is(observed[0]?.status, 499);
});

test('a client that resets while its call runs aborts it', async (t) => {
  const fixture = await startServer(t);
  const { entered } = fixture.invoker.hold('x');
  const client = await fixture.raw();
  client.send(post('x'));
  const signal = await entered;
  client.send(post('y'));
  await reached(fixture);
  client.socket.resetAndDestroy();
  await fixture.invoker.settled();
  t.true(signal.aborted);
});

test('a body that comes late is read whole', async (t) => {
  const { raw, invoker } = await startServer(t, { server: { checkIntervalMs: 10 } });
  const client = await raw();
  const bytes = post('0123456789');
  client.send(bytes.slice(0, -5));
  while (invoker.admitted.length === 0) await turns(1);
  t.is((await client.send(bytes.slice(-5)).response()).status, 200);
  t.is(invoker.ran[0]?.body.toString(), '0123456789');
});

test('what came while a call ran is served in its order and whole, however much it is', async (t) => {
  const fixture = await startServer(t, { config: { maxBodyBytes: 1_000_000 }, maxBodiesBytes: 10_000_000 });
  const { entered, finish } = fixture.invoker.hold('x');
  const client = await fixture.raw();
  client.send(post('x'));
  await entered;
  const bodies = ['a', 'b'.repeat(100_000), 'c', 'd'.repeat(300_000), 'e'];
  for (const body of bodies) client.send(post(body) + head('GET /healthz'));
  await reached(fixture);
  finish();
  t.is((await client.response()).body, 'x');
  for (const body of bodies) {
    t.true((await client.response()).body === body);
    t.is((await client.response()).body, '{"status":"ok"}\n');
  }
});

test('a connection of calls is closed when no next one comes', async (t) => {
  const { raw } = await startServer(t, { server: { keepAliveTimeoutMs: 20, checkIntervalMs: 10 } });
  const client = await raw();
  t.is((await client.send(post('1')).response()).status, 200);
  await client.closed;
  t.deepEqual(client.errors, []);
});

test('calls that are refused change nothing for those that are not, and the other way round', async (t) => {
  const { raw } = await startServer(t);
  const client = await raw();
  const foreign = post('1').replace('Host: localhost', 'Host: evil.example');
  for (const [bytes, status] of [
    [post('1'), 200],
    [foreign, 421],
    [post('1'), 200],
    [post('1', 'Origin: http://evil.example'), 403],
    [post('1', 'Sec-Fetch-Site: cross-site'), 403],
    [foreign, 421],
    [post('1', 'Origin: http://localhost'), 200],
  ] as const)
    t.is((await client.send(bytes).response()).status, status);
});
