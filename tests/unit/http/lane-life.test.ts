/** How connections of the call lane live and end: what is held, for how long, and what a client gets when it is over. */
import { connect } from 'node:net';
import test from 'ava';
import { GlambdarError } from '../../../src/errors.js';
import { answer, FakeInvoker } from './fakes.js';
import { head, startServer, type Fixture } from './server-fixture.js';

const post = (body: string, ...headers: string[]): string =>
  head('POST /invoke/hello', `Content-Length: ${body.length}`, ...headers) + body;

const turns = async (count: number): Promise<void> => {
  for (let turn = 0; turn < count; turn += 1) await new Promise((resolve) => setImmediate(resolve));
};

/** What was sent before has reached the server when another connection has its answers. */
async function reached({ raw }: Fixture): Promise<void> {
  const other = await raw();
  for (let request = 0; request < 3; request += 1) await other.send(head('GET /healthz')).response();
  other.socket.destroy();
}

/** Calls with this body are held until `finish`. */
function hold({ invoker }: Fixture, held = 'x'): { entered: Promise<AbortSignal>; finish: () => void } {
  let finish = (): void => undefined;
  const finished = new Promise<void>((resolve) => (finish = resolve));
  const entered = new Promise<AbortSignal>((resolve) => {
    invoker.handler = async ({ body }, signal) => {
      if (body.toString() === held) {
        resolve(signal);
        await Promise.race([finished, new Promise((left) => signal.addEventListener('abort', left))]);
        if (signal.aborted) throw new GlambdarError('CANCELLED', 'cancelled');
      }
      return answer({ body });
    };
  });
  return { entered, finish: () => finish() };
}

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
  t.deepEqual(fixture.invoker.admitted, []);
});

test('a client that sends on while its last call ends gets the whole answer, with the stop in it', async (t) => {
  const fixture = await startServer(t);
  const { entered, finish } = hold(fixture);
  const client = await fixture.raw();
  client.send(post('x'));
  await entered;
  client.send(Buffer.alloc(4 * 1024 * 1024, post('y')));
  await reached(fixture);
  const closed = fixture.server.close(60_000);
  finish();
  const last = await client.response();
  t.is(last.body, 'x');
  t.is(last.headers['connection'], 'close');
  await closed;
  await client.closed;
  t.is(fixture.invoker.ran.length, 1, 'nothing behind the last call runs');
});

test('a call that came while the one before it was written down is refused when the server stops', async (t) => {
  const invoker = new FakeInvoker();
  let finish = (): void => undefined;
  const recorded = new Promise<void>((resolve) => (finish = resolve));
  const admit = invoker.admit.bind(invoker);
  invoker.admit = (...args) => {
    const admission = admit(...args);
    return {
      ...admission,
      run: async (request, signal, answered) => {
        const response = await admission.run(request, signal, answered);
        await recorded;
        return response;
      },
    };
  };
  const fixture = await startServer(t, { deps: { invoker } });
  const client = await fixture.raw();
  t.is((await client.send(post('1')).response()).headers['connection'], 'keep-alive');
  client.send(post('2'));
  await reached(fixture);
  const closed = fixture.server.close(60_000);
  finish();
  t.is((await client.response()).status, 503);
  await closed;
  t.is(invoker.admitted.length, 1);
});

test('half of a call and an end get the answer that Node gives, and the connection ends', async (t) => {
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
  for (const withoutLane of [false, true]) {
    test(`a client that ends its side behind its call gets a ${title} answer ${withoutLane ? 'from Node' : 'from the lane'}`, async (t) => {
      const { port, invoker } = await startServer(t, { withoutLane, maxBodiesBytes: 100_000_000 });
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

const broken: [title: string, deps: Parameters<typeof startServer>[1], status: number, observed: number][] = [
  [
    'the invoker',
    {
      deps: {
        invoker: {
          admit: () => {
            throw new TypeError('broken');
          },
        },
      },
    },
    500,
    500,
  ],
  [
    'counting',
    {
      deps: {
        onRequest: () => {
          throw new TypeError('broken');
        },
      },
    },
    200,
    200,
  ],
];
for (const [title, overrides, status] of broken) {
  test(`a call is answered and its connection goes on when ${title} fails, and that is logged`, async (t) => {
    const { raw, logged } = await startServer(t, overrides);
    const client = await raw();
    for (let call = 1; call <= 2; call += 1) {
      t.is((await client.send(post('1')).response()).status, status);
      await turns(2);
      t.is(logged.length, call);
    }
  });
}

test('an error that cannot even be described ends the connection, and is logged', async (t) => {
  const { raw, invoker, logged } = await startServer(t);
  const error = new GlambdarError('AT_CAPACITY', 'Full.');
  Object.defineProperty(error, 'status', {
    get: () => {
      throw new TypeError('broken');
    },
  });
  invoker.refuse = error;
  const client = await raw();
  client.send(post('1'));
  await client.closed;
  t.is(logged.length, 1);
});

test('a header that would break out of its line is never sent', async (t) => {
  for (const bad of [
    ['x-a', 'b\r\nx-c: d'],
    ['x-a', 'b\u010a'],
    ['x a', 'b'],
    ['x-a\r\nx-b', 'c'],
  ] as [string, string][]) {
    const { raw, invoker, logged } = await startServer(t);
    invoker.handler = () => answer({ headers: [bad], body: Buffer.alloc(70_000) });
    t.is((await (await raw()).send(post('1')).response()).status, 500);
    t.is(logged.length, 1);
  }
});

test('a call whose end says nothing about its answer ends the connection', async (t) => {
  const invoker = new FakeInvoker();
  const admit = invoker.admit.bind(invoker);
  invoker.admit = (...args) => {
    const admission = admit(...args);
    return { ...admission, run: (request, signal) => admission.run(request, signal) };
  };
  const client = await (await startServer(t, { deps: { invoker } })).raw();
  await client.send(post('1')).closed;
  t.pass();
});
