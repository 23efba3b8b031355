import test from 'ava';
import { HttpApp } from '../../../src/http/http-app.js';
import { createServer } from '../../../src/http/server.js';
import { answer, silentLogger } from './fakes.js';
import { RawClient } from './raw-client.js';
import { head, startServer } from './server-fixture.js';

test('a running call finishes with Connection: close while new requests get 503', async (t) => {
  const { raw, invoker, server } = await startServer(t);
  const { entered, finish } = invoker.hold();
  const [busy, kept] = [await raw(), await raw()];
  await kept.send(head('GET /healthz')).response();
  busy.send(head('GET /invoke/hello'));
  await entered;
  const closed = server.close(60_000);
  const refused = await kept.send(head('GET /invoke/hello')).response();
  t.is(refused.status, 503);
  t.is((JSON.parse(refused.body) as { code: string }).code, 'STOPPING');
  t.is(refused.headers['connection'], 'close');
  t.is(refused.headers['retry-after'], '1');
  await t.throwsAsync(async () => (await raw()).response());
  finish();
  const finished = await busy.response();
  t.is(finished.body, '"hi"');
  t.is(finished.headers['connection'], 'close');
  await closed;
  await Promise.all([busy.closed, kept.closed]);
});

test('idle and silent connections do not hold the stop up', async (t) => {
  const { raw, server } = await startServer(t);
  const [kept, silent] = [await raw(), await raw()];
  await kept.send(head('GET /healthz')).response();
  await server.close(60_000);
  await Promise.all([kept.closed, silent.closed]);
  t.pass();
});

test('a call that still runs after the grace is told that the server stops, and its signal aborts', async (t) => {
  const { raw, invoker, server } = await startServer(t);
  const { entered } = invoker.hold();
  const client = await raw();
  client.send(head('GET /invoke/hello'));
  const signal = await entered;
  const closed = server.close(20);
  const response = await client.response();
  t.is(response.status, 503);
  t.is((JSON.parse(response.body) as { code: string }).code, 'STOPPING');
  t.is(response.headers['connection'], 'close');
  t.true(signal.aborted);
  t.is((signal.reason as { code: string }).code, 'STOPPING');
  await closed;
});

test('a call that does not end although the server stops is cut', async (t) => {
  const { raw, invoker, server } = await startServer(t);
  let end!: () => void;
  const entered = new Promise<void>((resolve) => {
    invoker.handler = () => {
      resolve();
      return new Promise((done) => (end = () => done(answer())));
    };
  });
  const client = await raw();
  client.send(head('GET /invoke/hello'));
  await entered;
  const closed = server.close(0);
  await client.closed;
  await t.throwsAsync(client.response());
  end();
  await closed;
});

test('a client may have less time for a whole request than its head has otherwise', async (t) => {
  await createServer(new HttpApp(silentLogger), {
    host: '127.0.0.1',
    port: 0,
    requestTimeoutMs: 1_000,
  }).close(0);
  t.pass();
});

test('a second close may shorten the grace of the first', async (t) => {
  const { raw, invoker, server } = await startServer(t);
  const { entered } = invoker.hold();
  (await raw()).send(head('GET /invoke/hello'));
  await entered;
  await Promise.all([server.close(60_000), server.close(0)]);
  t.pass();
});

test('one app serves on several addresses, and each server stops for itself once the app has stopped', async (t) => {
  const { port, server, app } = await startServer(t);
  const second = createServer(app, { host: '127.0.0.1', port: 0 });
  const other = await second.listen();
  t.not(other.port, port);
  const client = await RawClient.connect(other.port);
  t.is((await client.send(head('GET /invoke/hello')).response()).status, 200);
  await server.close(0);
  const refused = await client.send(head('GET /invoke/hello')).response();
  t.is(refused.status, 503);
  await second.close(0);
  await client.closed;
});

test('a server that never listened can be closed', async (t) => {
  await createServer(new HttpApp(silentLogger), { host: '127.0.0.1', port: 0 }).close(1000);
  t.pass();
});

test('a port in use is refused with a sentence that names it and the setting', async (t) => {
  const { port } = await startServer(t);
  const second = createServer(new HttpApp(silentLogger), { host: '127.0.0.1', port });
  const error = await t.throwsAsync(second.listen());
  t.regex(error.message, new RegExp(`127\\.0\\.0\\.1:${port}.*GLAMBDAR_PORT`));
  const variables = { host: 'GLAMBDAR_FUNCTIONS_HOST', port: 'GLAMBDAR_FUNCTIONS_PORT' };
  const door = createServer(new HttpApp(silentLogger), { host: '127.0.0.1', port, variables });
  t.regex((await t.throwsAsync(door.listen())).message, /GLAMBDAR_FUNCTIONS_PORT/);
});

test('an address of another machine is refused with a sentence that names the setting', async (t) => {
  const error = await t.throwsAsync(
    createServer(new HttpApp(silentLogger), { host: '192.0.2.1', port: 0 }).listen(),
  );
  t.regex(error.message, /192\.0\.2\.1:0.*GLAMBDAR_HOST/);
});

test('port 0 reports the port it got, and an IPv6 address stands in brackets', async (t) => {
  const server = createServer(new HttpApp(silentLogger), { host: '::1', port: 0 });
  try {
    const { url, port } = await server.listen();
    t.is(url, `http://[::1]:${port}`);
    t.true(port > 0);
  } catch (error) {
    // A machine without IPv6 is told so in a sentence.
    t.regex((error as Error).message, /\[::1\]:0.*GLAMBDAR_HOST/);
  } finally {
    await server.close(0);
  }
});
