import test from 'ava';
import { answer } from '../../fakes.js';
import { head, startServer } from '../../server-fixture.js';

const chunked = (bytes: number, size: number): string => {
  let text = '';
  for (let left = bytes; left > 0; left -= size) {
    const n = Math.min(left, size);
    text += `${n.toString(16)}\r\n${'x'.repeat(n)}\r\n`;
  }
  return `${text}0\r\n\r\n`;
};

const sizes: [title: string, headers: string[], body: string, status: number][] = [
  ['exactly the limit with a length', ['Content-Length: 1000'], 'x'.repeat(1000), 200],
  ['one byte more with a length', ['Content-Length: 1001'], 'x'.repeat(1001), 413],
  ['exactly the limit in chunks', ['Transfer-Encoding: chunked'], chunked(1000, 7), 200],
  ['one byte more in chunks', ['Transfer-Encoding: chunked'], chunked(1001, 7), 413],
  ['nothing in chunks', ['Transfer-Encoding: chunked'], chunked(0, 7), 200],
];
for (const [title, headers, body, status] of sizes) {
  test(`a body of ${title} answers ${status} and leaves the connection usable`, async (t) => {
    const { raw, invoker } = await startServer(t);
    const client = await raw();
    const first = await client.send(head('POST /invoke/hello', ...headers) + body).response();
    t.is(first.status, status);
    if (status === 413) {
      t.is((JSON.parse(first.body) as { code: string }).code, 'BODY_TOO_LARGE');
      t.is(invoker.abandoned, 1);
      t.is(first.headers['x-invocation-id'], undefined, 'no record will be kept');
    }
    const second = await client.send(head('GET /invoke/hello/second')).response();
    t.is(second.body, '"hi"');
    t.is(invoker.ran.at(-1)?.path, '/second');
  });
}

test('bodies of all calls together are bounded: what is too much is refused, dropped, and given back', async (t) => {
  const { raw, invoker } = await startServer(t, { maxBodiesBytes: 1500 });
  let finish!: () => void;
  const finished = new Promise<void>((resolve) => (finish = resolve));
  let begin!: () => void;
  const begun = new Promise<void>((resolve) => (begin = resolve));
  invoker.handler = async () => {
    begin();
    await finished;
    return answer();
  };
  const post = head('POST /invoke/hello', 'Content-Length: 1000') + 'x'.repeat(1000);
  const [first, second] = [await raw(), await raw()];
  first.send(post);
  await begun;
  const refused = await second.send(post).response();
  t.is(refused.status, 503);
  t.is((JSON.parse(refused.body) as { code: string }).code, 'AT_CAPACITY');
  t.is(refused.headers['retry-after'], '1');
  t.is(invoker.abandoned, 1);
  t.is((await second.send(head('GET /invoke/other')).response()).status, 404, 'the connection is usable');
  finish();
  t.is((await first.response()).status, 200);
  t.is((await second.send(post).response()).status, 200, 'there is room again');
});

test('a body that its client does not finish gives back what it took', async (t) => {
  const { raw, invoker } = await startServer(t, {
    maxBodiesBytes: 150_000,
    config: { maxBodyBytes: 100_000 },
  });
  const [first, second] = [await raw(), await raw()];
  first.send(head('POST /invoke/hello', 'Content-Length: 100000') + 'x'.repeat(90_000));
  while (invoker.admitted.length === 0) await new Promise((resolve) => setImmediate(resolve));
  first.socket.destroy();
  while (invoker.abandoned === 0) await new Promise((resolve) => setImmediate(resolve));
  const post = head('POST /invoke/hello', 'Content-Length: 100000') + 'x'.repeat(100_000);
  t.is((await second.send(post).response()).status, 200);
});

test('a body of many small pieces arrives as it was sent', async (t) => {
  const { raw, invoker } = await startServer(t, { config: { maxBodyBytes: 5000 } });
  const text = Array.from({ length: 3000 }, (_, index) => String(index % 10)).join('');
  const pieces = [...text].map((digit) => `1\r\n${digit}\r\n`).join('');
  const client = (await raw()).send(
    `${head('POST /invoke/hello', 'Transfer-Encoding: chunked')}${pieces}0\r\n\r\n`,
  );
  t.is((await client.response()).status, 200);
  t.is(invoker.ran[0]?.body.toString(), text);
});

for (const [title, path, status] of [
  ['too large a body', '/invoke/hello', 413],
  ['an unknown function', '/invoke/other', 404],
] as const) {
  test(`a client that sends 20 MB to ${title} reads its ${status} and can go on`, async (t) => {
    const { raw } = await startServer(t);
    const client = await raw();
    const body = Buffer.alloc(20_000_000, 120);
    client.send(head(`POST ${path}`, `Content-Length: ${body.length}`)).send(body);
    t.is((await client.response()).status, status);
    t.is((await client.send(head('GET /healthz')).response()).status, 200);
  });

  test(`a client that sends 20 MB to ${title} with Connection: close still reads its ${status}`, async (t) => {
    const { raw } = await startServer(t);
    const client = await raw();
    const body = Buffer.alloc(20_000_000, 120);
    client.send(head(`POST ${path}`, 'Connection: close', `Content-Length: ${body.length}`)).send(body);
    const response = await client.response();
    t.is(response.status, status);
    t.is(response.headers['connection'], 'close');
    client.socket.end();
    await client.closed;
    // A reset would make most clients report a failed write in place of the answer.
    t.deepEqual(client.errors, []);
  });
}

test('a refused body that never ends is cut', async (t) => {
  const { raw } = await startServer(t);
  const client = await raw();
  client.send(head('POST /nowhere', 'Transfer-Encoding: chunked'));
  t.is((await client.response()).status, 404);
  const chunk = Buffer.from(`100000\r\n${'x'.repeat(0x100000)}\r\n`);
  let sent = 0;
  while (client.errors.length === 0 && sent < 500) {
    sent += 1;
    await new Promise<void>((taken) => client.socket.write(chunk, () => taken()));
  }
  t.true(sent >= 64 && sent < 500, `${sent} MiB`);
});

test('fetch reads the 413 of a 20 MB stream', async (t) => {
  const { url } = await startServer(t);
  const body = new Blob([new Uint8Array(20_000_000)]).stream();
  const response = await fetch(`${url}/invoke/hello`, {
    method: 'POST',
    body,
    duplex: 'half',
  });
  t.is(response.status, 413);
  await response.text();
});

test('a client that expects 100 gets it after admission, and then its answer', async (t) => {
  const { raw, invoker } = await startServer(t);
  const client = await raw();
  client.send(head('POST /invoke/hello', 'Expect: 100-continue', 'Content-Length: 2'));
  t.is((await client.response()).status, 100);
  t.is(invoker.admitted.length, 1);
  t.is((await client.send('ok').response()).status, 200);
  t.deepEqual(invoker.ran[0]?.body, Buffer.from('ok'));
  t.false(invoker.ran[0]?.headers.some(([name]) => name === 'expect'));
});

const refusals: [title: string, path: string, length: number, status: number][] = [
  ['an unknown function', '/invoke/other', 2, 404],
  ['too large a body', '/invoke/hello', 1001, 413],
  ['an unknown path', '/nowhere', 2, 404],
];
for (const [title, path, length, status] of refusals) {
  test(`a client that expects 100 for ${title} is refused before it sends, and the connection ends`, async (t) => {
    const { raw } = await startServer(t);
    const client = await raw();
    client.send(head(`POST ${path}`, 'Expect: 100-continue', `Content-Length: ${length}`));
    const response = await client.response();
    t.is(response.status, status);
    t.is(response.headers['connection'], 'close');
    client.socket.end();
    await client.closed;
  });
}

test('other expectations are ignored', async (t) => {
  const { raw } = await startServer(t);
  const client = await raw();
  t.is((await client.send(head('GET /invoke/hello', 'Expect: the-unexpected')).response()).status, 200);
});

test('a client that leaves while its body is on the way gives the place back and nothing runs', async (t) => {
  const { raw, invoker } = await startServer(t);
  const client = await raw();
  client.send(head('POST /invoke/hello', 'Expect: 100-continue', 'Content-Length: 100'));
  await client.response();
  client.send('half');
  client.socket.destroy();
  await invoker.settled();
  t.is(invoker.abandoned, 1);
  t.deepEqual(invoker.ran, []);
});
