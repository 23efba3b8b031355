/** The same bytes to a server with the lane and to one without: the same calls, answers and end. */
import { connect } from 'node:net';
import test from 'ava';
import { answer } from './fakes.js';
import { Grammar, type Case } from './request-grammar.js';
import { startServer, turns, type Fixture } from './server-fixture.js';

/** More of them take longer, and another seed makes others. */
const CASES = 600;
const SEED = 1;

/** After any request whose body swallowed no more than the first of these, the last is read as a request, or garbage. */
const PROBES =
  'GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n'.repeat(8) +
  'GET /nowhere HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n';

interface Outcome {
  ran: string[];
  answers: string[];
  observed: string[];
  /** The last of the probes was read as the request it is. */
  whole: boolean;
}

/** One answer after the other, without what differs from call to call. */
const plainly = (text: string): string[] =>
  text
    .replace(/[0-9a-f]{8}-[0-9a-f-]{27}/g, '<id>')
    .replace(/^Date: .*GMT\r$/gm, 'Date\r')
    .split(/(?=HTTP\/1\.1 \d{3} )/)
    .map((each) => {
      const [head = '', ...body] = each.split('\r\n\r\n');
      return [...head.split('\r\n').sort(), '', ...body].join('\n');
    });

async function outcome({ port, invoker, observed }: Fixture, { pieces, waits }: Case): Promise<Outcome> {
  invoker.ran.length = 0;
  observed.length = 0;
  const socket = connect({ port, host: '127.0.0.1', noDelay: true });
  let received = '';
  socket.on('error', () => undefined);
  socket.setEncoding('latin1').on('data', (text: string) => (received += text));
  const closed = new Promise((resolve) => socket.on('close', resolve));
  await new Promise((resolve) => socket.once('connect', resolve));
  for (const [index, piece] of pieces.entries()) {
    socket.write(piece, 'latin1');
    await turns(waits.has(index) ? 10 : 3);
  }
  socket.write(PROBES);
  await closed;
  await invoker.settled();
  await turns(3);
  return {
    ran: invoker.ran.map((each) => JSON.stringify({ ...each, body: each.body.toString('latin1') })).sort(),
    answers: plainly(received),
    observed: observed.map(({ route, method, status }) => `${method} ${route} ${status}`).sort(),
    whole: /^Connection: close\n[^]*"code":"NOT_FOUND"/.test(plainly(received).at(-1) ?? ''),
  };
}

const REFUSED = /^Connection: close\n(.*\n)*HTTP\/1\.1 400 /;

/**
 * Equal. Where bytes that are no HTTP come right behind requests, what is written then may be lost or not: there the
 * same calls have run, and the answers of one are those of the other as far as they go.
 */
function agree(a: Outcome, b: Outcome): boolean {
  if (JSON.stringify(a) === JSON.stringify(b)) return true;
  if (a.whole || b.whole || a.ran.join() !== b.ran.join()) return false;
  const [x, y] = [a, b].map(({ answers }) =>
    answers.filter((text) => text.length > 1 && !REFUSED.test(text)).join(''),
  );
  return x!.startsWith(y!) || y!.startsWith(x!);
}

test('the same bytes mean the same as to Node', async (t) => {
  const config = { maxBodyBytes: 200 };
  const [mine, nodes] = [await startServer(t, { config }), await startServer(t, { config, lane: false })];
  for (const { invoker } of [mine, nodes])
    invoker.handler = async ({ path, query, body }) => {
      await turns(body.length % 3);
      return answer({ body: Buffer.from(JSON.stringify([path, query, body.toString('latin1')])) });
    };
  const grammar = new Grammar(SEED);
  let calls = 0;
  for (let index = 0; index < CASES; index += 1) {
    const made = grammar.next();
    const [a, b] = await Promise.all([outcome(mine, made), outcome(nodes, made)]);
    calls += a.ran.length;
    // With the whole difference only where there is one.
    if (!agree(a, b)) t.deepEqual(a, b, `case ${index}: ${JSON.stringify(made.pieces)}`);
  }
  t.true(calls > CASES / 3, 'too few of them are calls');
});
