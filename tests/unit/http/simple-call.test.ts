import test from 'ava';
import { beginsWith, parseSimpleCall } from '../../../src/http/simple-call.js';

const request = (line: string, ...headers: string[]): Buffer =>
  Buffer.from(`${[line, ...headers].join('\r\n')}\r\n\r\n`, 'latin1');
const call = (...headers: string[]): Buffer =>
  request('POST /invoke/hello HTTP/1.1', 'Host: localhost', ...headers);

test('a call with a body of announced length is read', (t) => {
  const head = request(
    'PUT /invoke/hello/a%20b?x=1&y HTTP/1.1',
    'Host: 127.0.0.1:8080',
    'X-Two:  b c \t',
    'x-two:',
    'Content-Length: 12',
    'Connection: Keep-Alive',
  );
  const read = parseSimpleCall(Buffer.concat([head, Buffer.from('{"a":"b"}')]));
  t.deepEqual(read, {
    head,
    bodyBytes: 12,
    method: 'PUT',
    url: '/invoke/hello/a%20b?x=1&y',
    rawHeaders: [
      ...['Host', '127.0.0.1:8080', 'X-Two', 'b c', 'x-two', ''],
      ...['Content-Length', '12', 'Connection', 'Keep-Alive'],
    ],
    headers: { host: '127.0.0.1:8080', 'content-length': '12', connection: 'Keep-Alive' },
    accepted: null,
  });
});

test('a call without a length has no body', (t) => {
  t.is(parseSimpleCall(call())?.bodyBytes, 0);
});

test('what is read does not change with the buffer it was read from', (t) => {
  const bytes = call();
  const read = parseSimpleCall(bytes)!;
  bytes.fill(0);
  t.deepEqual(read.head, call());
});

const others: [title: string, bytes: Buffer][] = [
  ['half of a head', call().subarray(0, -1)],
  ['another path', request('GET /health HTTP/1.1', 'Host: a')],
  ['no name', request('GET /invoke/ HTTP/1.1', 'Host: a')],
  ['a query in place of a name', request('GET /invoke/?a HTTP/1.1', 'Host: a')],
  ['a target in absolute form', request('GET http://a/invoke/b HTTP/1.1', 'Host: a')],
  ['a fragment', request('GET /invoke/a#b HTTP/1.1', 'Host: a')],
  ['a target beyond ASCII', request('GET /invoke/\xe4 HTTP/1.1', 'Host: a')],
  ['two spaces', request('GET  /invoke/a HTTP/1.1', 'Host: a')],
  ['HEAD', request('HEAD /invoke/a HTTP/1.1', 'Host: a')],
  ['a method that is none', request('FETCH /invoke/a HTTP/1.1', 'Host: a')],
  ['a method in lower case', request('post /invoke/a HTTP/1.1', 'Host: a')],
  ['HTTP/1.0', request('GET /invoke/a HTTP/1.0', 'Host: a')],
  ['an empty line before', Buffer.concat([Buffer.from('\r\n'), call()])],
  ['no host', request('GET /invoke/a HTTP/1.1')],
  ['two hosts', call('Host: b')],
  ['two equal lengths', call('Content-Length: 1', 'content-length: 1')],
  ['a list of lengths', call('Content-Length: 1, 1')],
  ['a signed length', call('Content-Length: +1')],
  ['a hexadecimal length', call('Content-Length: 0x1')],
  ['an empty length', call('Content-Length:')],
  ['a length and a tab', call('Content-Length: 1\t')],
  ['a length beyond all bounds', call('Content-Length: 1234567890')],
  ['chunks', call('Transfer-Encoding: chunked')],
  ['a length and chunks', call('Content-Length: 3', 'Transfer-Encoding: chunked')],
  ['an expectation', call('Expect: 100-continue')],
  ['an upgrade', call('Connection: upgrade', 'Upgrade: websocket')],
  ['an upgrade that Connection does not name', call('Upgrade: h2c')],
  ['Connection: close', call('Connection: close')],
  ['Proxy-Connection, which means the same', call('Proxy-Connection: close')],
  ['headers named by Connection', call('Connection: keep-alive, x-a')],
  ['trailers', call('Trailer: x-a')],
  ['two ids', call('X-Request-Id: a', 'X-Request-Id: b')],
  ['a space before the colon', call('X-A : b')],
  ['a folded header', call('X-A: b', ' c')],
  ['a header without a name', call(': b')],
  ['a header without a colon', call('X-A')],
  ['a NUL', call('X-A: \0')],
  ['a bare line feed', call('X-A: b\nX-B: c')],
  ['a bare carriage return', call('X-A: b\rX-B: c')],
  ['a value beyond ASCII', call('X-A: \xe4')],
  ['a hundred and one headers', call(...Array.from({ length: 100 }, (_, i) => `X-${i}: a`))],
  ['a large head', call(`X-A: ${'a'.repeat(8 * 1024)}`)],
];
for (const [title, bytes] of others) {
  test(`${title} is for Node's parser`, (t) => {
    t.is(parseSimpleCall(bytes), null);
  });
}

test('only the very same head is known again', (t) => {
  const read = parseSimpleCall(call('Content-Length: 1'))!;
  t.true(beginsWith(Buffer.concat([call('Content-Length: 1'), Buffer.from('x')]), read));
  t.false(beginsWith(call('Content-Length: 2'), read));
  t.false(beginsWith(call('Content-Length: 1').subarray(0, -1), read));
});
