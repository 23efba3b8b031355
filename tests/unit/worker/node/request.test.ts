import test from 'ava';
import { FunctionProcess } from '../../../helpers/function-process.js';

/** Answers with what the expression in the body gives, seen from inside a handler. */
const evaluator =
  "exports.handler = async (req, context) => ({ body: await new Function('req', 'context', 'return (async () => (' + req.headers['x-code'] + '))()')(req, context) });";

async function evaluate(
  t: Parameters<typeof FunctionProcess.load>[0],
  expressions: [code: string, request: Parameters<FunctionProcess['call']>[0], expected: unknown][],
): Promise<void> {
  const fn = await FunctionProcess.load(t, evaluator);
  for (const [code, request = {}, expected] of expressions) {
    const headers: [string, string][] = [['x-code', code], ...(request.headers ?? [])];
    t.deepEqual(await fn.json({ ...request, headers }), expected, code);
  }
}

test('a handler sees headers in Title-Case and finds them in any case', (t) =>
  evaluate(t, [
    [
      'Object.keys(req.headers)',
      {
        headers: [
          ['content-type', 'a/b'],
          ['x-b3-id', '1'],
        ],
      },
      ['X-Code', 'Content-Type', 'X-B3-Id'],
    ],
    [
      "['Content-Type', 'content-type', 'CONTENT-TYPE', 'cOnTeNt-tYpE'].map((name) => req.headers[name])",
      { headers: [['content-type', 'a/b']] },
      ['a/b', 'a/b', 'a/b', 'a/b'],
    ],
    [
      "['accept' in req.headers, 'ACCEPT' in req.headers, 'Nope' in req.headers]",
      { headers: [['accept', '*']] },
      [true, true, false],
    ],
    ['req.headers.nope === undefined', {}, true],
    ["Object.hasOwn(req.headers, 'ACCEPT')", { headers: [['accept', '*']] }, true],
    ["({ ...req.headers })['Accept']", { headers: [['accept', '*']] }, '*'],
    [
      "(req.headers.ACCEPT = 'x', delete req.headers['x-CODE'], Object.entries(req.headers))",
      { headers: [['accept', '*']] },
      [['Accept', 'x']],
    ],
  ]));

test('a handler sees repeated headers joined when they are not Set-Cookie', (t) =>
  evaluate(t, [
    [
      'req.headers.accept',
      {
        headers: [
          ['accept', 'a'],
          ['accept', 'b'],
          ['Accept', 'c'],
        ],
      },
      'a, b, c',
    ],
    [
      "req.headers['set-cookie']",
      {
        headers: [
          ['set-cookie', 'a=1'],
          ['set-cookie', 'b=2'],
        ],
      },
      ['a=1', 'b=2'],
    ],
    ["req.headers['Set-Cookie']", { headers: [['set-cookie', 'a=1']] }, ['a=1']],
  ]));

test('names that mean something to JavaScript are plain keys when they are headers or query keys', (t) =>
  evaluate(t, [
    [
      '[req.headers.__proto__, Object.keys(req.headers), ({}).polluted ?? null, Object.getPrototypeOf(req.headers) === Object.prototype]',
      {
        headers: [
          ['__proto__', 'x'],
          ['constructor', 'y'],
          ['__proto__', 'z'],
        ],
      },
      ['x, z', ['X-Code', '__proto__', 'Constructor'], null, true],
    ],
    [
      '[Object.entries(req.query), ({}).polluted ?? null, Object.getPrototypeOf(req.query) === Object.prototype]',
      { query: '__proto__=1&__proto__=2&constructor=3&toString=4' },
      [
        [
          ['__proto__', ['1', '2']],
          ['constructor', '3'],
          ['toString', '4'],
        ],
        null,
        true,
      ],
    ],
  ]));

test('a handler sees the query decoded with repeated keys as arrays', (t) =>
  evaluate(t, [
    ['req.query', { query: '' }, {}],
    ['req.query', { query: 'a=1&b=2&a=3&a=4&c' }, { a: ['1', '3', '4'], b: '2', c: '' }],
    ['req.query', { query: 'q=%C3%BC+x%26&%20=%ZZ' }, { q: 'ü x&', ' ': '%ZZ' }],
  ]));

test('a handler sees method, path, id and all of the body', (t) =>
  evaluate(t, [
    [
      '[req.method, req.path, req.id]',
      { method: 'PATCH', path: '/a/%20b', invocationId: 'given' },
      ['PATCH', '/a/%20b', 'given'],
    ],
    [
      '[req.body, req.rawBody.length, req.rawBody instanceof Uint8Array]',
      { body: 'grün' },
      ['grün', 5, true],
    ],
    ['[...req.rawBody]', { body: Buffer.from([0, 255, 254, 128]) }, [0, 255, 254, 128]],
    ['req.body', { body: Buffer.from([0x61, 0xff]) }, 'a\ufffd'],
    ['[req.body, req.rawBody.length, await req.json()]', {}, ['', 0, null]],
    ['await req.json()', { body: '{"a":[1,"ü"]}' }, { a: [1, 'ü'] }],
    [
      'await req.json().catch((error) => [error.message, error instanceof Error])',
      { body: '{"a":' },
      ['invalid JSON body', true],
    ],
    ['await req.json()', { body: '\ufeff{"a":1}' }, { a: 1 }],
    ['await req.json()', { body: '\ufeff' }, null],
    ['req.body', { body: '\ufeffa' }, '\ufeffa'],
    ['req.url', { path: '/a%20b', query: 'c=1', host: 'example.org' }, 'http://example.org/a%20b?c=1'],
    ['req.url', { host: 'no host' }, 'http://localhost/'],
    [
      'req.url',
      { path: '/b', host: 'hello.fn.example.com', protocol: 'https' },
      'https://hello.fn.example.com/b',
    ],
    ['req.url', { host: 'no host', protocol: 'https' }, 'https://localhost/'],
    [
      '[req.ip, req.host, req.basePath]',
      { clientAddress: '203.0.113.7', host: 'fn.example.com:8443', basePath: '/hello' },
      ['203.0.113.7', 'fn.example.com:8443', '/hello'],
    ],
    ['req.ip', { clientAddress: '::ffff:203.0.113.7' }, '203.0.113.7'],
    ['req.ip', { clientAddress: '2001:db8::1' }, '2001:db8::1'],
    ['[req.ip, req.host, req.basePath]', {}, ['127.0.0.1', 'localhost', '']],
    ['Object.keys(req).includes("url")', {}, false],
    ['await (({ json }) => json())(req)', { body: '[1]' }, [1]],
    ['await ({ ...req }).json()', { body: '[2]' }, [2]],
    ['req.rawBody.length', { body: Buffer.alloc(300_000) }, 300_000],
    ['req.rawBody.buffer.byteLength', { body: 'abc' }, 3],
  ]));

test('a handler sees a context that knows the call and its deadline', (t) =>
  evaluate(t, [
    [
      '[context.invocationId === req.id, context.functionName, context.version, context.memoryMb]',
      {},
      [true, 'hello', 3, 128],
    ],
    ['Math.abs(context.deadline - Date.now() - 5000) < 1000', { timeoutMs: 5_000 }, true],
    ['((left) => left > 3000 && left <= 5000)(context.remainingTimeMs())', { timeoutMs: 5_000 }, true],
    [
      '[context.signal instanceof AbortSignal, context.signal.aborted, context.signal === context.signal]',
      {},
      [true, false, true],
    ],
  ]));

test('the signal of a context aborts when the call is cancelled', async (t) => {
  const fn = await FunctionProcess.load(
    t,
    "exports.handler = (req, { signal }) => new Promise((resolve) => { console.log('waiting'); const timer = setInterval(() => {}, 1000); signal.addEventListener('abort', () => { clearInterval(timer); resolve({ body: String(signal.reason) }); }); });",
  );
  const answer = fn.answer({ id: 'mine' });
  fn.connection.cancel('of another call');
  fn.connection.cancel('mine');
  t.regex((await answer).text, /AbortError/);
});

test('a signal first looked at after the cancel has aborted already', async (t) => {
  const fn = await FunctionProcess.load(
    t,
    'exports.handler = async (req, context) => { await new Promise((r) => setTimeout(r, req.body)); return { body: context.signal.aborted }; };',
  );
  const answer = fn.json({ id: 'mine', body: '20' });
  fn.connection.cancel('mine');
  t.true(await answer);
  t.false(await fn.json({ body: '1' }), 'the next call has a signal of its own');
});

test('a body that is no JSON fails the call as the fault of its sender, unless the handler catches it', async (t) => {
  const fn = await FunctionProcess.load(
    t,
    `exports.handler = async (req) => {
       if (req.path === '/caught') return { body: await req.json().catch((error) => error.message) };
       if (req.path === '/wrapped') await req.json().catch((cause) => { throw new Error('mine', { cause }); });
       if (req.path === '/floating') return new Promise((resolve) => req.json().then(resolve));
       return { body: await req.json() };
     };`,
  );
  const message = 'invalid JSON body: unexpected "x" at position 3 (line 2, column 2).';
  const body = '[\n x]';
  t.like(await fn.failure({ body }), { kind: 'invalid-body', error: { message } });
  t.like(await fn.failure({ body, path: '/floating' }), { kind: 'invalid-body', error: { message } });
  t.is(await fn.json({ body, path: '/caught' }), 'invalid JSON body');
  t.like(await fn.failure({ body, path: '/wrapped' }), { kind: 'function', error: { message: 'mine' } });
});
