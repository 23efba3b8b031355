import type { Socket } from 'node:net';
import test from 'ava';
import { WriteStalls } from '../../../../src/http/connections/write-stalls.js';
import { answer } from '../fakes.js';
import { head, startServer, turns } from '../server-fixture.js';

const MIB = 1024 * 1024;

/** Looks like a connection on which `waiting` bytes of `given` have not left, `queued` of them in the write under way. */
class FakeSocket {
  bytesWritten = 0;
  writableLength = 0;
  _handle: { writeQueueSize: number } | null = { writeQueueSize: 0 };
  destroyed = false;

  give(bytes: number): void {
    this.bytesWritten += bytes;
    this.writableLength += bytes;
    this._handle = { writeQueueSize: bytes };
  }
  /** The kernel takes a part of the write under way. */
  take(bytes: number): void {
    this._handle!.writeQueueSize -= bytes;
    if (this._handle!.writeQueueSize === 0) this.writableLength = 0;
  }
  destroy(): void {
    this.destroyed = true;
  }
}

function setUp() {
  let now = 0;
  const socket = new FakeSocket();
  const stalls = new WriteStalls({
    sockets: () => [socket as unknown as Socket],
    limitMs: 30_000,
    now: () => now,
  });
  /** Lets time pass in steps of a second, as the server looks. */
  const pass = (seconds: number, each: () => void = () => undefined): void => {
    for (let second = 0; second < seconds && !socket.destroyed; second += 1) {
      now += 1000;
      each();
      stalls.check();
    }
  };
  stalls.check();
  return { socket, pass };
}

test('a connection that takes nothing of what waits is cut at the limit, not before', (t) => {
  const { socket, pass } = setUp();
  socket.give(6 * MIB);
  socket.take(2 * MIB);
  pass(30);
  t.false(socket.destroyed);
  pass(1);
  t.true(socket.destroyed);
});

test('a connection that takes a few bytes now and then is cut all the same', (t) => {
  const { socket, pass } = setUp();
  socket.give(6 * MIB);
  pass(31, () => socket.take(100));
  t.true(socket.destroyed);
});

test('a slow connection that takes a part within every limit is never cut', (t) => {
  const { socket, pass } = setUp();
  socket.give(6 * MIB);
  pass(600, () => socket.take(3 * 1024));
  t.false(socket.destroyed);
});

test('a connection that takes little, but all that waited, is not cut', (t) => {
  const { socket, pass } = setUp();
  for (let answers = 0; answers < 5; answers += 1) {
    socket.give(1000);
    pass(20);
    socket.take(1000);
    socket.give(1000);
    pass(20);
    socket.take(1000);
  }
  t.false(socket.destroyed);
});

test('a connection is not blamed for the time in which nothing waited', (t) => {
  const { socket, pass } = setUp();
  pass(1000);
  socket.give(MIB);
  pass(30);
  t.false(socket.destroyed);
});

test('a platform without a look into the write under way cuts at the limit, too', (t) => {
  const { socket, pass } = setUp();
  socket.give(MIB);
  socket._handle = null;
  pass(31);
  t.true(socket.destroyed);
});

test('a client that goes on sending and reads nothing is cut', async (t) => {
  const { raw, invoker, observed } = await startServer(t, {
    server: { writeStallMs: 60 },
    maxBodiesBytes: 100_000_000,
  });
  invoker.handler = () => answer({ body: Buffer.alloc(20_000_000) });
  const client = await raw();
  client.socket.pause().setNoDelay(true);
  client.send(head('GET /invoke/hello'));
  const begun = performance.now();
  // Empty lines before a next request; Node's idle timer starts again with each.
  const drip = setInterval(() => client.send('\r\n'), 10);
  t.teardown(() => clearInterval(drip));
  while (observed.length === 0) await turns(1);
  t.is(observed[0]?.status, 499);
  t.true(performance.now() - begun < 3000, 'not by another, longer limit');
  client.socket.destroy();
});

test('many clients that do not read are counted, and all cut', async (t) => {
  const { raw, invoker, observed, bodies } = await startServer(t, {
    server: { writeStallMs: 400 },
    maxBodiesBytes: 400_000_000,
  });
  invoker.handler = () => answer({ body: Buffer.alloc(6 * MIB) });
  const clients = await Promise.all(Array.from({ length: 29 }, () => raw()));
  for (const client of clients) {
    client.socket.pause();
    client.send(head('GET /invoke/hello'));
  }
  let mostBytes = 0;
  while (observed.length < 29) {
    await turns(1);
    mostBytes = Math.max(mostBytes, bodies.usedBytes);
  }
  t.true(mostBytes > 15 * 6 * MIB, `${mostBytes} bytes were counted`);
  t.true(observed.every(({ status }) => status === 499));
  t.is(bodies.usedBytes, 0);
  for (const client of clients) client.socket.destroy();
});
