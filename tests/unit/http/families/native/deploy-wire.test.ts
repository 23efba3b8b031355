import test from 'ava';
import { end, file, TYPE } from '../../multipart.js';
import { head, startServer } from '../../server-fixture.js';

test('an announced length beyond the limit is refused before the upload, and the client can read it', async (t) => {
  const { raw } = await startServer(t);
  const client = await raw();
  const body = Buffer.alloc(20_000_000);
  client.send(head('POST /deploy', TYPE, `Content-Length: ${body.length}`));
  const { status } = await client.response();
  t.is(status, 413);
  client.send(body);
  t.is((await client.send(head('GET /healthz')).response()).status, 200);
});

for (const [title, part] of [
  ['an endless file', file('x'.repeat(1000)).slice(0, -2)],
  ['endless bytes before the first part', 'preamble'],
] as const) {
  test(`${title} in chunks is refused without waiting for its end`, async (t) => {
    const { raw, uploads } = await startServer(t);
    const client = await raw();
    client.send(head('POST /deploy', TYPE, 'Transfer-Encoding: chunked'));
    const chunk = Buffer.alloc(100_000, 120);
    client.send(`${part.length.toString(16)}\r\n${part}\r\n`);
    for (let i = 0; i < 20; i++)
      client
        .send(`${chunk.length.toString(16)}\r\n`)
        .send(chunk)
        .send('\r\n');
    const { status, body } = await client.response();
    t.is(status, 413);
    t.is((JSON.parse(body) as { code: string }).code, 'BUNDLE_TOO_LARGE');
    t.deepEqual(await uploads(), []);
    client.socket.destroy();
  });
}

test('a client that expects 100 gets it only for an upload that can be accepted', async (t) => {
  const { raw } = await startServer(t);
  const body = file('x') + end;
  const good = await raw();
  good.send(head('POST /deploy', TYPE, 'Expect: 100-continue', `Content-Length: ${body.length}`));
  t.is((await good.response()).status, 100);
  t.is((await good.send(body).response()).status, 201);
  const bad = await raw();
  bad.send(head('POST /deploy', TYPE, 'Expect: 100-continue', 'Content-Length: 99999999'));
  t.is((await bad.response()).status, 413);
});

test('a client that leaves in the middle of its upload leaves no file and no log entry', async (t) => {
  const { raw, uploads, logged, observed } = await startServer(t);
  const client = await raw();
  client.send(head('POST /deploy', TYPE, 'Expect: 100-continue', 'Content-Length: 5000'));
  await client.response();
  client.send(file('x'.repeat(1000)));
  while ((await uploads()).length === 0) await new Promise((resolve) => setImmediate(resolve));
  client.socket.destroy();
  while (observed.length === 0 || (await uploads()).length > 0)
    await new Promise((resolve) => setImmediate(resolve));
  t.deepEqual(logged, []);
});
