import test from 'ava';
import { FunctionProcess } from '../../../../helpers/function-process.js';

const lambda = { contract: 'lambda' } as const;

/** Runs the code in the body as the handler. */
const evaluator =
  "exports.handler = (event, context, callback) => new Function('event', 'context', 'callback', event.body)(event, context, callback);";

test('a lambda handler gets the event of a function URL', async (t) => {
  const fn = await FunctionProcess.load(t, 'exports.handler = async (event) => event;', lambda);
  const event = await fn.json({
    method: 'PUT',
    path: '/a%20b/c',
    query: 'n=1&n=2&q=%C3%BC',
    host: 'example.org:8000',
    clientAddress: '::ffff:192.0.2.7',
    headers: [
      ['content-type', 'application/json; charset=utf-8'],
      ['user-agent', 'curl/8'],
      ['x-a', '1'],
      ['x-a', '2'],
      ['cookie', 'a=1; b=2'],
      ['cookie', 'c=3'],
    ],
    body: '\ufeff{"a":"ü"}',
  });
  const { time, timeEpoch } = event.requestContext;
  t.regex(time, /^\d\d\/[A-Z][a-z]{2}\/\d{4}:\d\d:\d\d:\d\d \+0000$/);
  t.true(Math.abs(Date.now() - timeEpoch) < 60_000);
  t.deepEqual(event, {
    version: '2.0',
    routeKey: '$default',
    rawPath: '/a%20b/c',
    rawQueryString: 'n=1&n=2&q=%C3%BC',
    cookies: ['a=1', 'b=2', 'c=3'],
    headers: {
      'content-type': 'application/json; charset=utf-8',
      'user-agent': 'curl/8',
      'x-a': '1,2',
      cookie: 'a=1; b=2; c=3',
      host: 'example.org:8000',
      'content-length': '13',
    },
    queryStringParameters: { n: '1,2', q: 'ü' },
    requestContext: {
      accountId: 'anonymous',
      apiId: 'hello',
      domainName: 'example.org:8000',
      domainPrefix: 'hello',
      http: {
        method: 'PUT',
        path: '/a%20b/c',
        protocol: 'HTTP/1.1',
        sourceIp: '192.0.2.7',
        userAgent: 'curl/8',
      },
      requestId: 'call-1',
      routeKey: '$default',
      stage: '$default',
      time,
      timeEpoch,
    },
    body: '{"a":"ü"}',
    isBase64Encoded: false,
  });
  const empty = await fn.json({ method: 'GET' });
  for (const key of ['body', 'cookies', 'queryStringParameters']) t.false(key in empty, key);
  t.false(empty.isBase64Encoded);
});

const encodings: [type: string | null, body: Buffer, isBase64: boolean][] = [
  ['text/csv', Buffer.from('a'), false],
  ['application/xml', Buffer.from('a'), false],
  ['application/javascript', Buffer.from('a'), false],
  ['application/ld+json', Buffer.from('a'), false],
  ['image/svg+xml; a=b', Buffer.from('a'), true],
  [null, Buffer.from('a'), false],
  ['application/x-www-form-urlencoded', Buffer.from('a=1'), true],
  ['multipart/form-data; boundary=x', Buffer.from('a'), true],
  ['image/png', Buffer.from([0x89, 0x50]), true],
  ['text/plain', Buffer.from([0xff, 0x50]), true],
];

test('bodies of text types come as text, all others in base64', async (t) => {
  const fn = await FunctionProcess.load(t, 'exports.handler = async (event) => event;', lambda);
  for (const [type, body, isBase64] of encodings) {
    const event = await fn.json({ body, headers: type === null ? [] : [['content-type', type]] });
    t.deepEqual(
      [event.isBase64Encoded, event.body],
      [isBase64, body.toString(isBase64 ? 'base64' : 'utf8')],
      String(type),
    );
  }
});

test('the context tells what AWS tells', async (t) => {
  const fn = await FunctionProcess.load(
    t,
    `const { AWS_LAMBDA_FUNCTION_NAME, AWS_LAMBDA_FUNCTION_MEMORY_SIZE, _HANDLER } = process.env;
     exports.handler = async (event, context) => ({
       ...context, left: context.getRemainingTimeInMillis(), env: [AWS_LAMBDA_FUNCTION_NAME, AWS_LAMBDA_FUNCTION_MEMORY_SIZE, _HANDLER],
     });`,
    { ...lambda, env: { AWS_LAMBDA_FUNCTION_NAME: 'mine' } },
  );
  const { left, ...context } = await fn.json({ timeoutMs: 5_000 });
  t.true(Number.isInteger(left) && left > 0 && left <= 5_000);
  t.deepEqual(context, {
    callbackWaitsForEmptyEventLoop: true,
    functionName: 'hello',
    functionVersion: '3',
    memoryLimitInMB: '128',
    logGroupName: '/aws/lambda/hello',
    logStreamName: 'hello',
    invokedFunctionArn: 'arn:aws:lambda:us-east-1:000000000000:function:hello',
    awsRequestId: 'call-1',
    env: ['mine', '128', 'index.handler'],
  });
});

const json: [string, string] = ['content-type', 'application/json'];

/** The first four as AWS itself answered them. */
const results: [code: string, status: number, headers: string[][], body: string][] = [
  ["return Promise.resolve({ statusCode: 200, body: 'body123' });", 200, [json], 'body123'],
  ["return Promise.resolve('hello');", 200, [json], 'hello'],
  ['return Promise.resolve(3);', 200, [json], '3'],
  ["return Promise.resolve(['hello', 3, true]);", 200, [json], '["hello",3,true]'],
  ['return Promise.resolve();', 200, [json], 'null'],
  ['return Promise.resolve({ a: 1 });', 200, [json], '{"a":1}'],
  [
    "return Promise.resolve({ body: 'no status', headers: {} });",
    200,
    [json],
    '{"body":"no status","headers":{}}',
  ],
  [
    "return Promise.resolve({ statusCode: 201, headers: { 'Content-Type': 'text/html', 'x-n': 1, none: undefined, nothing: null }, cookies: ['a=1', 'b=2'], multiValueHeaders: { 'X-A': ['1', '2'] }, body: '<p>ü' });",
    201,
    [
      ['Content-Type', 'text/html'],
      ['x-n', '1'],
      ['X-A', '1'],
      ['X-A', '2'],
      ['set-cookie', 'a=1'],
      ['set-cookie', 'b=2'],
    ],
    '<p>ü',
  ],
  [
    "return Promise.resolve({ statusCode: 200, headers: { 'x-a': 'single', b: '1' }, multiValueHeaders: { 'X-A': ['several'] } });",
    200,
    [
      ['b', '1'],
      ['X-A', 'several'],
    ],
    '',
  ],
  [
    "return Promise.resolve({ statusCode: 200, headers: { 'content-type': 'a/b' }, body: 'aGV5', isBase64Encoded: true });",
    200,
    [['content-type', 'a/b']],
    'hey',
  ],
  ["return Promise.resolve({ statusCode: '404', body: JSON.stringify({ a: 1 }) });", 404, [json], '{"a":1}'],
  ["return Promise.resolve({ statusCode: 204, body: 'left away' });", 204, [], ''],
  ['return Promise.resolve({ statusCode: 200, body: null });', 200, [], ''],
  [
    "return Promise.resolve(new Response('hey', { headers: { 'content-type': 'a/b' } }));",
    200,
    [['content-type', 'a/b']],
    'hey',
  ],
  ["callback(null, 'called');", 200, [json], 'called'],
  ["setTimeout(() => callback(null, { statusCode: 202, body: '' }), 5);", 202, [], ''],
  [
    "callback(null, 'first'); callback(null, 'second'); return Promise.resolve('third');",
    200,
    [json],
    'first',
  ],
  ["context.succeed('old');", 200, [json], 'old'],
  ["context.done(null, 'old');", 200, [json], 'old'],
  ["setTimeout(() => context.succeed('old'), 5); return { an: 'old proxy' };", 200, [json], 'old'],
];

test('every value of a lambda handler becomes the answer that a function URL gives', async (t) => {
  const fn = await FunctionProcess.load(t, evaluator, lambda);
  for (const [code, status, headers, body] of results) {
    const { message, text } = await fn.answer({ body: code });
    t.deepEqual([message.statusCode, message.headers, text], [status, headers, body], code);
    t.is(fn.logs.stderr, '', code);
  }
});

const failures: [code: string, kind: 'function' | 'unsettled' | 'bad-response', message: RegExp][] = [
  ["throw new Error('sync');", 'function', /^sync$/],
  ["return Promise.reject(new Error('async'));", 'function', /^async$/],
  ["callback(new Error('called'));", 'function', /^called$/],
  ["callback('text');", 'function', /^text$/],
  ["context.fail(new Error('old'));", 'function', /^old$/],
  ["context.done('old');", 'function', /^old$/],
  ["return { statusCode: 200, body: 'not a promise' };", 'unsettled', /its promise can never settle/],
  [
    'return Promise.resolve({ statusCode: 200, body: { a: 1 } });',
    'bad-response',
    /^body is an object with the keys "a"; in the contract "lambda" a body is a string: JSON\.stringify\(…\) it\.$/,
  ],
  ['return Promise.resolve({ statusCode: 700 });', 'bad-response', /^statusCode is the number 700;/],
  [
    "return Promise.resolve({ statusCode: 200, cookies: 'a=1' });",
    'bad-response',
    /^cookies is the string "a=1"; expected an array of strings\.$/,
  ],
  ['return Promise.resolve(new Map());', 'bad-response', /^body is a Map, of which JSON shows nothing/],
];

test('a lambda handler fails as handlers of every contract fail', async (t) => {
  const fn = await FunctionProcess.load(t, evaluator, lambda);
  for (const [code, kind, message] of failures) {
    const failure = await fn.failure({ body: code });
    t.is(failure.kind, kind, code);
    t.regex(failure.error.message, message, code);
  }
});

test('the answer of a callback waits for the event loop to be empty, unless the context says otherwise', async (t) => {
  const fn = await FunctionProcess.load(t, evaluator, lambda);
  const work = "setTimeout(() => console.log('flushed'), 40);";
  await fn.answer({ body: `${work} callback(null, 1);` });
  t.is(fn.logs.stdout, 'flushed\n');
  await fn.answer({ body: `context.callbackWaitsForEmptyEventLoop = false; ${work} callback(null, 1);` });
  t.is(fn.logs.stdout, '');
});

test('a handler is found as AWS finds it', async (t) => {
  const files = {
    'src/app.js': 'exports.api = { v1: async () => "nested" }; exports.run = async () => "run";',
    'src/app.v2.js': 'exports.run = async () => "file with a dot";',
  };
  for (const [handler, answer] of [
    ['src/app.run', 'run'],
    ['src/app.api.v1', 'nested'],
    ['src/app.v2.run', 'file with a dot'],
  ] as const) {
    const fn = await FunctionProcess.load(t, files, { ...lambda, handler });
    t.is((await fn.answer()).text, answer);
  }
  const error = await FunctionProcess.loadError(t, files, { ...lambda, handler: 'src/app.api.v3' });
  t.regex(
    error.message,
    /^src\/app\.js has no handler: expected a function exported as "api\.v3", found "api", "run"\.$/,
  );
});

const streaming: [code: string, status: number, headers: string[][], body: string][] = [
  ["stream.write('he'); stream.end('y');", 200, [['content-type', 'application/octet-stream']], 'hey'],
  [
    "stream.setContentType('text/plain'); setTimeout(() => stream.end('hey'), 5);",
    200,
    [['content-type', 'text/plain']],
    'hey',
  ],
  [
    "const out = awslambda.HttpResponseStream.from(stream, { statusCode: 201, headers: { 'Content-Type': 'a/b' }, cookies: ['a=1'] }); out.end(Buffer.from('hey'));",
    201,
    [
      ['Content-Type', 'a/b'],
      ['set-cookie', 'a=1'],
    ],
    'hey',
  ],
];

test('what a streaming handler writes is collected and sent', async (t) => {
  const fn = await FunctionProcess.load(
    t,
    "exports.handler = awslambda.streamifyResponse(async (event, stream, context) => new Function('stream', 'context', event.body)(stream, context));",
    lambda,
  );
  for (const [code, status, headers, body] of streaming) {
    const { message, text } = await fn.answer({ body: code });
    t.deepEqual([message.statusCode, message.headers, text], [status, headers, body], code);
  }
  t.like(await fn.failure({ body: "throw new Error('no');" }), {
    kind: 'function',
    error: { message: 'no' },
  });
  t.like(await fn.failure({ body: "stream.destroy(new Error('cut'));" }), { error: { message: 'cut' } });
  t.is((await fn.failure({ body: "stream.write('no end');" })).kind, 'unsettled');
  const endless = await fn.failure({
    body: "const { pipeline, Readable } = process.getBuiltinModule('node:stream'); pipeline(Readable.from((function* () { for (;;) yield 'x'.repeat(40); })()), stream, () => {});",
    maxResponseBytes: 100,
  });
  t.is(endless.kind, 'response-too-large');
});
