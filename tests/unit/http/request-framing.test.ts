/**
 * Where requests begin and end: made-up bytes, whole, odd and broken, to the server and to a bare server of Node's. No call
 * may run that Node did not read as a request, and both must agree on where the connection stands afterwards.
 */
import { createServer } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import test, { type ExecutionContext } from 'ava';
import { answer } from './fakes.js';
import { Grammar, type Case } from './request-grammar.js';
import { startServer, turns } from './server-fixture.js';

/** More of them take longer, and another seed makes others. */
const CASES = 600;
const SEED = 1;

/** After any request whose body swallowed no more than the first of these, the last is read as a request, or garbage. */
const PROBES =
  'GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n'.repeat(8) +
  'GET /nowhere HTTP/1.1\r\nHost: localhost\r\nX-Request-Id: last-probe\r\nConnection: close\r\n\r\n';

interface Answer {
  status: number;
  isLast: boolean;
  isOfLastProbe: boolean;
}

/** Method, target below `/invoke/hello` and body. */
type Read = string;

const answersIn = (text: string): Answer[] =>
  text
    .split(/(?=HTTP\/1\.1 \d{3} )/)
    .map((each) => ({
      status: Number(each.slice('HTTP/1.1 '.length, 'HTTP/1.1 200'.length)),
      isLast: /\r\nConnection: close\r\n/i.test(each),
      isOfLastProbe: each.includes('X-Request-Id: last-probe'),
    }))
    .filter(({ status }) => status >= 200);

/** Sends a case and the probes; resolves with all answers when the connection is closed. */
async function send(port: number, { pieces, waits }: Case): Promise<Answer[]> {
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
  return answersIn(received);
}

/** A server of Node's with no more than a list of the requests it has read whole. */
async function startBare(t: ExecutionContext): Promise<{ port: number; read: Read[] }> {
  const read: Read[] = [];
  const server = createServer({ requireHostHeader: false, maxHeaderSize: 16_384 }, (req, res) => {
    const chunks: Buffer[] = [];
    req.on('data', (chunk: Buffer) => chunks.push(chunk));
    req.on('end', () => {
      const method = req.method === 'HEAD' ? 'GET' : req.method;
      read.push(JSON.stringify([method, req.url, Buffer.concat(chunks).toString('latin1')]));
      if (req.headers['x-request-id'] === 'last-probe') res.setHeader('X-Request-Id', 'last-probe');
      res.end();
    });
  });
  server.on('checkExpectation', (req, res) => server.emit('request', req, res));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  return { port: (server.address() as AddressInfo).port, read };
}

test('only what Node reads as a request runs, and nothing of one request is taken for another', async (t) => {
  const { port, invoker } = await startServer(t, { config: { maxBodyBytes: 200 } });
  const ran: Read[] = [];
  invoker.handler = async ({ method, path, query, body }) => {
    await turns(body.length % 3);
    ran.push(JSON.stringify([method, path, query, body.toString('latin1')]));
    return answer({ body });
  };
  const bare = await startBare(t);
  const grammar = new Grammar(SEED);
  let calls = 0;
  for (let index = 0; index < CASES; index += 1) {
    const made = grammar.next();
    const context = `case ${index}: ${JSON.stringify(made.pieces)}`;
    ran.length = bare.read.length = 0;
    const [ours, nodes] = await Promise.all([send(port, made), send(bare.port, made)]);
    await invoker.settled();
    calls += ran.length;
    const known = bare.read.map(asCall);
    for (const call of ran) {
      const at = known.indexOf(call);
      if (at === -1) t.fail(`${call} ran, but Node read ${bare.read.join(' ')}; ${context}`);
      known.splice(at, 1);
    }
    const bad = ours.find(({ status }) => status === 500 || status > 505);
    t.is(bad, undefined, context);
    if (ours.at(-1)?.isOfLastProbe === true) {
      t.true(nodes.at(-1)?.isOfLastProbe, `the last probe was a request to us only; ${context}`);
      t.is(ours.length, nodes.length, context);
    } else if (nodes.at(-1)?.isOfLastProbe === true) {
      t.true(ours.at(-1)?.isLast, `the last probe was a request to Node only; ${context}`);
    }
  }
  t.true(calls > CASES / 3, 'too few of them are calls');
});

/** A request that the bare server read as the function would get it; of other requests something no call is equal to. */
function asCall(read: Read): string {
  const [method, url, body] = JSON.parse(read) as [string, string, string];
  const target = url.replace(/^https?:\/\/[^/]*/i, '');
  const [, path, query] = /^\/invoke\/[^/?]+(\/[^?]*)?(?:\?(.*))?$/s.exec(target) ?? [];
  return JSON.stringify([method, path ?? '/', query ?? '', body]);
}
