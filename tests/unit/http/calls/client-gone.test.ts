import { once } from 'node:events';
import test from 'ava';
import { GlambdarError } from '../../../../src/errors.js';
import { answer } from '../fakes.js';
import { head, startServer } from '../server-fixture.js';

for (const how of ['destroys its socket', 'ends its side'] as const) {
  test(`a client that ${how} during the call aborts its signal and gets nothing`, async (t) => {
    const { raw, invoker, logged } = await startServer(t);
    const { entered } = invoker.hold();
    const client = await raw();
    client.send(head('POST /invoke/hello', 'Content-Length: 1') + 'x');
    const signal = await entered;
    if (how === 'ends its side') client.socket.end();
    else client.socket.destroy();
    await invoker.settled();
    t.true(signal.aborted);
    await client.closed;
    await t.throwsAsync(client.response());
    t.deepEqual(logged, []);
  });
}

test('a pipelined call behind a running one is aborted too when the client leaves', async (t) => {
  const { raw, invoker } = await startServer(t);
  const signals: AbortSignal[] = [];
  const entered = new Promise<void>((resolve) => {
    invoker.handler = async (_request, signal) => {
      signals.push(signal);
      if (signals.length === 2) resolve();
      if (!signal.aborted) await once(signal, 'abort');
      throw new GlambdarError('CANCELLED', 'cancelled');
    };
  });
  const client = await raw();
  client.send(head('GET /invoke/hello') + head('GET /invoke/hello'));
  await entered;
  client.socket.destroy();
  await invoker.settled();
  t.true(signals.every(({ aborted }) => aborted));
});

test('a call that completes does not abort its signal', async (t) => {
  const { url, invoker } = await startServer(t);
  let given: AbortSignal | undefined;
  invoker.handler = (_request, signal) => {
    given = signal;
    return answer();
  };
  await (await fetch(`${url}/invoke/hello`)).text();
  t.false(given?.aborted);
});

test('a client that does not read its answer is cut after the stall deadline', async (t) => {
  const { raw, invoker, observed } = await startServer(t, {
    server: { writeStallMs: 50 },
    maxBodiesBytes: 100_000_000,
  });
  invoker.handler = () => answer({ body: Buffer.alloc(30_000_000) });
  const client = await raw();
  client.socket.pause();
  client.send(head('GET /invoke/hello'));
  // A paused socket does not notice its end; the observation of the server does.
  while (observed.length === 0) await new Promise((resolve) => setImmediate(resolve));
  t.is(observed[0]?.status, 499);
  client.socket.destroy();
});

test('the stall deadline of one answer does not cut the pipelined call behind it', async (t) => {
  const { raw, invoker } = await startServer(t, { server: { writeStallMs: 20 } });
  let first = true;
  invoker.handler = async () => {
    if (first) first = false;
    // Longer than the deadline: what is under test is that nothing happens meanwhile.
    else await new Promise((resolve) => setTimeout(resolve, 100));
    return answer();
  };
  const client = await raw();
  client.send(head('GET /invoke/hello') + head('GET /invoke/hello'));
  t.is((await client.response()).body, '"hi"');
  t.is((await client.response()).body, '"hi"');
});
