import { createServer, ServerResponse, type IncomingMessage } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import { once } from 'node:events';
import test from 'ava';
import { onAnswerEnd } from '../../../../src/http/connections/answer-end.js';

function response(): ServerResponse {
  return new ServerResponse({ method: 'GET', httpVersionMajor: 1, httpVersionMinor: 1 } as IncomingMessage);
}

test('everybody who asked is told once, in the order of asking, though the event comes twice', (t) => {
  const res = response();
  const told: string[] = [];
  for (const name of ['a', 'b', 'c']) onAnswerEnd(res, () => told.push(name));
  t.deepEqual(told, []);
  res.emit('close');
  res.emit('close');
  t.deepEqual(told, ['a', 'b', 'c']);
});

test('one listener on the response serves all', (t) => {
  const res = response();
  const before = res.listenerCount('close');
  for (let count = 0; count < 20; count += 1) onAnswerEnd(res, () => undefined);
  t.is(res.listenerCount('close'), before + 1);
});

test('who asks while the others are told is told, too', (t) => {
  const res = response();
  const told: string[] = [];
  onAnswerEnd(res, () => onAnswerEnd(res, () => told.push('late')));
  res.emit('close');
  t.deepEqual(told, ['late']);
});

test('an answer is over when it has left, and when its client is gone', async (t) => {
  const over: string[] = [];
  const server = createServer((req, res) => {
    onAnswerEnd(res, () => over.push(`${req.url} ${res.writableFinished}`));
    if (req.url === '/answered') res.end('x');
  });
  t.teardown(() => server.close());
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const client = connect((server.address() as AddressInfo).port, '127.0.0.1');
  const get = (path: string) => client.write(`GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`);
  get('/answered');
  await once(client, 'data');
  const arrived = once(server, 'request');
  get('/hanging');
  await arrived;
  const connection = once(client, 'close');
  client.destroy();
  await connection;
  while (over.length < 2) await new Promise((resolve) => setImmediate(resolve));
  t.deepEqual(over, ['/answered true', '/hanging false']);
});
