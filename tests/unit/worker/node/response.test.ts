import test from 'ava';
import { checkResponse } from '../../../../src/invocation/response-rules.js';
import { FunctionProcess } from '../../../helpers/function-process.js';

/** Answers with what the code in the body gives. */
const evaluator = "exports.handler = async (req) => new Function('return ' + req.body)();";
const json = ['content-type', 'application/json; charset=utf-8'];

const answers: [code: string, status: number, headers: string[][], body: string][] = [
  ['({ body: { a: 1 } })', 200, [json], '{"a":1}'],
  ["({ body: 'text' })", 200, [json], '"text"'],
  ['({ body: null })', 200, [json], 'null'],
  ['({ body: 0 })', 200, [json], '0'],
  ['({ body: false })', 200, [json], 'false'],
  ["({ body: '' })", 200, [json], '""'],
  ['({ body: [1, undefined] })', 200, [json], '[1,null]'],
  ['({ body: new Date(0) })', 200, [json], '"1970-01-01T00:00:00.000Z"'],
  ['({ body: { toJSON: () => 7 } })', 200, [json], '7'],
  ['({ statusCode: 204 })', 204, [], ''],
  ['({ statusCode: 599, body: 1 })', 599, [json], '1'],
  ['({ headers: {} })', 200, [], ''],
  ['({ headers: null, body: undefined })', 200, [], ''],
  ["({ body: Buffer.from('raw') })", 200, [['content-type', 'application/octet-stream']], 'raw'],
  ['({ body: new Uint8Array([104, 105]) })', 200, [['content-type', 'application/octet-stream']], 'hi'],
  [
    '({ body: new Uint8Array([0, 104, 105, 0]).subarray(1, 3) })',
    200,
    [['content-type', 'application/octet-stream']],
    'hi',
  ],
  [
    '({ body: new Uint8Array([104, 105]).buffer })',
    200,
    [['content-type', 'application/octet-stream']],
    'hi',
  ],
  [
    "({ body: Buffer.from('x'), headers: { 'Content-Type': 'image/png' } })",
    200,
    [['Content-Type', 'image/png']],
    'x',
  ],
  [
    "({ body: '<p>ü', headers: { 'content-type': 'text/html' } })",
    200,
    [['content-type', 'text/html']],
    '<p>ü',
  ],
  [
    "({ body: 'x', headers: { 'content-type': 'application/json' } })",
    200,
    [['content-type', 'application/json']],
    '"x"',
  ],
  [
    "({ body: 'x', headers: { 'content-type': 'application/ld+json; a=b' } })",
    200,
    [['content-type', 'application/ld+json; a=b']],
    '"x"',
  ],
  [
    "({ body: { a: 1 }, headers: { 'content-type': 'text/plain' } })",
    200,
    [['content-type', 'text/plain']],
    '{"a":1}',
  ],
  [
    "({ headers: { a: ['1', '2'], b: 3, c: true, d: [] } })",
    200,
    [
      ['a', '1'],
      ['a', '2'],
      ['b', '3'],
      ['c', 'true'],
    ],
    '',
  ],
  ["({ headers: new Map([['a', 'b']]) })", 200, [['a', 'b']], ''],
  [
    "({ headers: [['a', '1'], ['a', '2']] })",
    200,
    [
      ['a', '1'],
      ['a', '2'],
    ],
    '',
  ],
  [
    "({ headers: new Headers([['set-cookie', 'a=1'], ['set-cookie', 'b=2']]) })",
    200,
    [
      ['set-cookie', 'a=1'],
      ['set-cookie', 'b=2'],
    ],
    '',
  ],
  [
    "new Response('hi', { status: 201, headers: { 'x-a': 'b' } })",
    201,
    [
      ['content-type', 'text/plain;charset=UTF-8'],
      ['x-a', 'b'],
    ],
    'hi',
  ],
  ['Response.json({ a: 1 })', 200, [['content-type', 'application/json']], '{"a":1}'],
  ['new Response(null, { status: 204 })', 204, [], ''],
  ["({ statusCode: 204, body: 'left away' })", 204, [], ''],
  ["({ statusCode: 205, body: Buffer.from('left away'), headers: { a: 'b' } })", 205, [['a', 'b']], ''],
  ["({ statusCode: 304, body: 1n, headers: { 'content-type': 'a/b' } })", 304, [['content-type', 'a/b']], ''],
  ['new Response(null, { status: 205 })', 205, [], ''],
  ['Promise.resolve({ body: 1 })', 200, [json], '1'],
];

test('a worker renders every kind of answer', async (t) => {
  const fn = await FunctionProcess.load(t, evaluator);
  for (const [code, status, headers, body] of answers) {
    const { message, text } = await fn.answer({ body: code });
    t.deepEqual([message.statusCode, message.headers, text], [status, headers, body], code);
  }
});

const headers = (count: number) =>
  `Object.fromEntries(Array.from({ length: ${count} }, (_, i) => ['x-' + i, 'v']))`;

const full: [what: string, code: string, count: number][] = [
  ['100 headers', `({ headers: ${headers(100)} })`, 100],
  ['100 headers beside a body of JSON', `({ headers: ${headers(100)}, body: 1 })`, 101],
  ['100 headers beside bytes', `({ headers: ${headers(100)}, body: Buffer.from('x') })`, 101],
  ['100 headers in a Response', `new Response('x', { headers: ${headers(100)} })`, 101],
  ['16 KiB of headers', "({ headers: { a: 'x'.repeat(16_383) } })", 1],
  ['16 KiB of headers beside a body of JSON', "({ headers: { a: 'x'.repeat(16_383) }, body: 1 })", 2],
  ['16 KiB of headers beside bytes', "({ headers: { a: 'x'.repeat(16_383) }, body: Buffer.from('x') })", 2],
  ['16 KiB of headers in a Response', "new Response('x', { headers: { a: 'x'.repeat(16_383) } })", 2],
  ['16 KiB of headers as UTF-8', "({ headers: { abc: '😀'.repeat(4_095) + 'x' }, body: 1 })", 2],
];

for (const [what, code, count] of full)
  test(`an answer with exactly ${what} is sent, and the host takes it`, async (t) => {
    const fn = await FunctionProcess.load(t, evaluator);
    const { message } = await fn.answer({ body: code });
    t.is(message.headers.length, count);
    t.is(checkResponse(message.statusCode, message.headers).headers.length, count);
  });

const refusals: [code: string, message: string | RegExp][] = [
  [
    'undefined',
    /^the function returned undefined; expected an object with statusCode, headers or body \(is a "return" or an "await" missing\?\)\.$/,
  ],
  ['null', /returned null;/],
  ["'hello'", /returned the string "hello";/],
  ['12', /returned the number 12;/],
  ['true', /returned the boolean true;/],
  ['12n', /returned a bigint;/],
  ['() => 1', /returned a function;/],
  ["Symbol('x')", /returned a symbol;/],
  ['[1]', /returned an array;/],
  ['({})', /returned an object without keys;/],
  ['new Date()', /returned a Date;/],
  ['new Map()', /returned a Map;/],
  ["new Request('http://a/')", /returned a Request;/],
  ["process.getBuiltinModule('node:stream').Readable.from([])", /returned a Readable with/],
  [
    "Object.assign(process.getBuiltinModule('node:stream').Readable.from([]), { statusCode: 200, headers: {} })",
    /returned a Readable with/,
  ],
  ['({ status: 200, data: 1 })', /returned an object with the keys "status", "data";/],
  ["({ statusCode: '200' })", /statusCode is the string "200"; expected a whole number from 200 to 599\.$/],
  ['({ statusCode: 200.5 })', /statusCode is the number 200\.5;/],
  ['({ statusCode: NaN })', /statusCode is the number NaN;/],
  ['({ statusCode: null })', /statusCode is null;/],
  ['({ statusCode: 199 })', /statusCode is the number 199;/],
  ['({ statusCode: 600 })', /statusCode is the number 600;/],
  ['({ statusCode: -1 })', /statusCode is the number -1;/],
  ['({ statusCode: 1e300 })', /statusCode is the number 1e\+300;/],
  ['Response.error()', /statusCode is the number 0;/],
  ["({ headers: 'a: b' })", /headers is the string "a: b"; expected an object\.$/],
  ['({ headers: { a: null } })', /^the header "a" is null; expected a string or an array of strings\.$/],
  ['({ headers: { a: {} } })', /^the header "a" is an object without keys;/],
  ['({ headers: { a: [undefined] } })', /^the header "a" is undefined;/],
  ["({ headers: ['a'] })", /^headers has the entry the string "a"; expected an object of names and values/],
  ["({ headers: ['a: b'] })", /^headers has the entry the string "a: b";/],
  ["({ headers: { a: 'x'.repeat(17_000) } })", /answered 17001 bytes of headers; at most 16384 are sent\.$/],
  ["({ headers: { a: 'x'.repeat(1_000_000) } })", /answered 1000001 bytes of headers/],
  ["({ headers: { abc: '😀'.repeat(4_096) }, body: 1 })", /answered 16387 bytes of headers/],
  [`({ headers: { ...${headers(100)}, 'Content-Type': 'a/b' }, body: 1 })`, /answered 101 headers/],
  [`new Response(null, { headers: ${headers(101)} })`, /answered 101 headers/],
  ["({ headers: { a: Array(101).fill('') } })", /answered 101 headers; at most 100 are sent\.$/],
  ['({ body: 1n })', /^body cannot be encoded as JSON: Do not know how to serialize a BigInt$/],
  [
    '((a) => ((a.self = a), { body: a }))({})',
    /^body cannot be encoded as JSON: Converting circular structure to JSON/,
  ],
  ["({ body: { toJSON() { throw new Error('no'); } } })", /^body cannot be encoded as JSON: no$/],
  ['({ body: () => 1 })', /^body is a function, which JSON cannot express\.$/],
  ["({ body: Symbol('x') })", /^body is a symbol, which JSON cannot express\.$/],
  [
    '((deep) => { for (let i = 0; i < 20_000; i++) deep = [deep]; return { body: deep }; })([])',
    /^body cannot be encoded as JSON: Maximum call stack/,
  ],
];

test('a worker names what is no answer', async (t) => {
  const fn = await FunctionProcess.load(t, evaluator);
  for (const [code, message] of refusals) {
    const failure = await fn.failure({ body: `(${code})` });
    t.is(failure.kind, 'bad-response', code);
    t.regex(failure.error.message, message as RegExp);
  }
  t.is(await fn.json({ body: '({ body: 1 })' }), 1, 'and goes on');
});

test('an answer over the limit is refused by its size and not sent', async (t) => {
  const fn = await FunctionProcess.load(t, evaluator);
  const { kind, error } = await fn.failure({ body: "({ body: 'x'.repeat(100) })", maxResponseBytes: 101 });
  t.is(kind, 'response-too-large');
  t.is(
    error.message,
    'the function answered 102 bytes; the limit is 101, which GLAMBDAR_MAX_BODY_BYTES sets on the server.',
  );
  t.is((await fn.answer({ body: "({ body: 'x'.repeat(99) })", maxResponseBytes: 101 })).body.length, 101);
  const large = await fn.answer({
    body: '({ body: Buffer.alloc(5_000_000, 97) })',
    maxResponseBytes: 5_000_000,
  });
  t.true(large.body.equals(Buffer.alloc(5_000_000, 97)));
});
