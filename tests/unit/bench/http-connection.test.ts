/** The benchmarks' HTTP client: what it makes of answers however they arrive. */
import { once } from 'node:events';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import test, { type ExecutionContext } from 'ava';
import { ConnectionPool, requestBytes, startOf, timesOf } from '../../bench/http-connection.js';

/** A server that treats every request as told, and a pool of connections to it. */
async function serving(t: ExecutionContext, answer: (socket: Socket) => void): Promise<ConnectionPool> {
  const server = createServer((socket) => socket.on('data', () => answer(socket)));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const pool = new ConnectionPool((server.address() as AddressInfo).port);
  t.teardown(() => {
    pool.close();
    server.close();
  });
  return pool;
}

const ANSWER =
  'HTTP/1.1 200 OK\r\nServer-Timing: queue;dur=0, start;dur=0.5;desc="loaded"\r\ncontent-length: 5\r\n\r\nhello';

test('an answer that comes in single bytes is one answer', async (t) => {
  const pool = await serving(t, (socket) => {
    socket.setNoDelay(true);
    for (const byte of Buffer.from(ANSWER)) socket.write(Buffer.of(byte));
  });
  const answer = await pool.call(requestBytes('GET', '/'));
  t.is(answer.status, 200);
  t.is(answer.body.toString(), 'hello');
  t.is(startOf(answer), 'loaded');
});

test('where the time of a call went is read from its answer, and nothing is made up', (t) => {
  const head =
    'HTTP/1.1 200 OK\r\nServer-Timing: queue;dur=1.5, start;dur=0;desc="loaded", run;dur=12\r\n\r\n';
  t.deepEqual(timesOf({ head }), { queue: 1.5, start: 0, load: 0, run: 12 });
  t.deepEqual(timesOf({ head: 'HTTP/1.1 200 OK\r\n\r\n' }), { queue: 0, start: 0, load: 0, run: 0 });
});

test('a connection is used again', async (t) => {
  const ports = new Set<number | undefined>();
  const pool = await serving(t, (socket) => {
    ports.add(socket.remotePort);
    socket.write(ANSWER);
  });
  for (let call = 0; call < 3; call += 1) await pool.call(requestBytes('POST', '/', '{}'));
  t.is(ports.size, 1);
});

test('a connection that is cut before the answer is an error, not an answer', async (t) => {
  const pool = await serving(t, (socket) => socket.end(ANSWER.slice(0, 30)));
  await t.throwsAsync(pool.call(requestBytes('GET', '/')), { message: 'the connection was closed' });
});

test('calls of a closed pool are rejected', async (t) => {
  const pool = await serving(t, () => undefined);
  const call = pool.call(requestBytes('GET', '/'));
  await pool.open(1);
  pool.close();
  await t.throwsAsync(call);
  await t.throwsAsync(pool.call(requestBytes('GET', '/')));
});
