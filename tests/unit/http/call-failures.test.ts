/** What a call comes to when a part behind it does what it must not: an answer or an end, and a line in the log. */
import test from 'ava';
import { GlambdarError } from '../../../src/errors.js';
import { answer, FakeInvoker } from './fakes.js';
import { head, startServer, turns } from './server-fixture.js';

const post = (body: string): string => head('POST /invoke/hello', `Content-Length: ${body.length}`) + body;

const broken: [title: string, deps: Parameters<typeof startServer>[1], status: number][] = [
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

test('a call is answered with what it came to when the invoker has not told of it before', async (t) => {
  const invoker = new FakeInvoker();
  const admit = invoker.admit.bind(invoker);
  invoker.admit = (...args) => {
    const admission = admit(...args);
    return { ...admission, run: (request, signal) => admission.run(request, signal) };
  };
  const client = await (await startServer(t, { deps: { invoker } })).raw();
  t.is((await client.send(post('1')).response()).body, '"hi"');
});
