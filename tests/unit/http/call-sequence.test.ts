/** What a client sees of several requests on one connection, whole or in pieces, one by one or all at once. */
import test from 'ava';
import { GlambdarError } from '../../../src/errors.js';
import { answer } from './fakes.js';
import { head, reached, startServer } from './server-fixture.js';

const post = (body: string, ...headers: string[]): string =>
  head('POST /invoke/hello/a?b=c', `Content-Length: ${body.length}`, ...headers) + body;

/** Without what differs from call to call. */
const shape = (text: string): string =>
  text
    .replace(/^(X-Request-Id|X-Invocation-Id|Date): .*$/gm, '$1')
    .split('\r\n')
    .sort()
    .join('\n');

const answers: [title: string, behaviour: () => ReturnType<typeof answer>][] = [
  ['an answer', () => answer()],
  ['an answer without a body', () => answer({ statusCode: 204, headers: [] })],
  [
    'an answer with headers',
    () =>
      answer({
        statusCode: 418,
        headers: [
          ['x-a', '\xe4'],
          ['set-cookie', 'a'],
          ['set-cookie', 'b'],
          ['date', 'now'],
        ],
      }),
  ],
  ['a large answer', () => answer({ body: Buffer.alloc(200_000, 'x') })],
  [
    'an error',
    () => {
      throw new GlambdarError('AT_CAPACITY', 'Full.', { retryAfterSeconds: 3 });
    },
  ],
  [
    'an unexpected error',
    () => {
      throw new Error('secret');
    },
  ],
];
for (const [title, behaviour] of answers) {
  test(`${title} is the same whether the body of the call has a length or comes in chunks`, async (t) => {
    const { raw, invoker } = await startServer(t);
    invoker.handler = behaviour;
    const [announced, streamed] = [await raw(), await raw()];
    const first = await announced.send(post('{"a":1}')).response();
    const chunked =
      head('POST /invoke/hello/a?b=c', 'Transfer-Encoding: chunked') + '7\r\n{"a":1}\r\n0\r\n\r\n';
    const second = await streamed.send(chunked).response();
    t.is(shape(first.head), shape(second.head));
    t.is(first.body.replace(/"requestId":".*?"/, ''), second.body.replace(/"requestId":".*?"/, ''));
    t.deepEqual(invoker.ran[0], { ...invoker.ran[1]!, headers: invoker.ran[0]!.headers });
    t.is((await announced.send(post('{}')).response()).status, first.status, 'the connection goes on');
  });
}

test('calls with the same head and other bodies, and with other heads, follow one another', async (t) => {
  const { raw, invoker } = await startServer(t);
  invoker.handler = ({ body }) => answer({ body });
  const client = await raw();
  const bodies = ['1', '2', '{"a":"\xc3\xa4"}', '', '\0\xff', '3'];
  for (const body of bodies)
    t.is((await client.send(Buffer.from(post(body), 'latin1')).response()).status, 200);
  t.deepEqual(
    invoker.ran.map(({ body }) => body.toString('latin1')),
    bodies,
  );
});

test('calls and other requests follow one another on a connection', async (t) => {
  const { raw, invoker } = await startServer(t);
  const client = await raw();
  t.is((await client.send(post('1')).response()).status, 200);
  t.is((await client.send(head('GET /healthz')).response()).status, 200);
  t.is((await client.send(post('2')).response()).status, 200);
  t.is(invoker.ran.length, 2);
});

test('a call in two pieces is one call', async (t) => {
  const fixture = await startServer(t);
  const { invoker } = fixture;
  const client = await fixture.raw();
  const bytes = post('{"a":"b"}');
  client.socket.setNoDelay(true);
  client.send(bytes.slice(0, -4));
  await reached(fixture);
  t.is(invoker.ran.length, 0, 'it begins when it is whole');
  t.is((await client.send(bytes.slice(-4)).response()).status, 200);
  t.is(invoker.ran[0]?.body.toString(), '{"a":"b"}');
});

test('calls that come together are answered in their order', async (t) => {
  const { raw, invoker } = await startServer(t);
  invoker.handler = ({ body }) => answer({ body });
  const client = await raw();
  client.send(post('1'));
  t.is((await client.response()).body, '1');
  client.send(post('2') + post('3'));
  t.is((await client.response()).body, '2');
  t.is((await client.response()).body, '3');
});

test('a request that comes while a call runs is answered after it', async (t) => {
  const fixture = await startServer(t);
  const { raw, invoker } = fixture;
  const { entered, finish } = invoker.hold('1');
  const client = await raw();
  client.send(post('1'));
  await entered;
  client.send(post('2'));
  client.send(head('GET /healthz'));
  await reached(fixture);
  finish();
  t.is((await client.response()).body, '1');
  t.is((await client.response()).body, '2');
  t.is((await client.response()).body, '{"status":"ok"}\n');
});

test('a client that ends its side in the middle of a small body is told so, and nothing runs', async (t) => {
  const { raw, invoker } = await startServer(t);
  const client = await raw();
  client.send(post('12345', 'X-Request-Id: mine').slice(0, -2));
  client.socket.end();
  const answered = await client.response();
  t.is(answered.status, 400);
  t.is((JSON.parse(answered.body) as { requestId: string }).requestId, 'mine');
  await client.closed;
  await invoker.settled();
  t.deepEqual(invoker.ran, []);
});

test('a client that leaves in the middle of a small body runs nothing', async (t) => {
  const fixture = await startServer(t);
  const client = await fixture.raw();
  client.send(post('12345').slice(0, -2));
  await reached(fixture);
  client.socket.destroy();
  await client.closed;
  await fixture.invoker.settled();
  t.deepEqual(fixture.invoker.ran, []);
});

test('the id a client sends is that of its request, also when the next call begins with the same bytes', async (t) => {
  const { raw } = await startServer(t);
  const client = await raw();
  for (let call = 0; call < 2; call += 1)
    t.is((await client.send(post('1', 'X-Request-Id: mine')).response()).headers['x-request-id'], 'mine');
  const ids = new Set<string | undefined>();
  for (let call = 0; call < 3; call += 1)
    ids.add((await client.send(post('1')).response()).headers['x-request-id']);
  t.is(ids.size, 3);
});

const refused: [title: string, headers: string[], status: number][] = [
  ['names another host', ['X-A: b'], 421],
  ['comes from another site', ['Origin: http://evil.example'], 403],
];
for (const [title, headers, status] of refused) {
  test(`a call that ${title} is refused every time`, async (t) => {
    const { raw, invoker, observed } = await startServer(t);
    const client = await raw();
    const host = status === 421 ? 'evil.example' : 'localhost';
    const bytes = [
      'POST /invoke/hello HTTP/1.1',
      `Host: ${host}`,
      ...headers,
      'Content-Length: 2',
      '',
      '{}',
    ].join('\r\n');
    for (let call = 0; call < 2; call += 1) t.is((await client.send(bytes).response()).status, status);
    t.is(invoker.admitted.length, 0);
    t.deepEqual(
      observed.map(({ route }) => route),
      ['none', 'none'],
    );
  });
}

test('a function that cannot be called that is not found', async (t) => {
  const { raw } = await startServer(t);
  const answered = await (await raw()).send(head('GET /invoke/%00')).response();
  t.is(answered.status, 404);
  t.is((JSON.parse(answered.body) as { code: string }).code, 'FUNCTION_NOT_FOUND');
});
