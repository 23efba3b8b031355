import test from 'ava';
import { FunctionProcess } from '../../../../helpers/function-process.js';

/** Answers with the body that the code in the request gives; the content type comes in the query. */
const evaluator = `
const { Readable, PassThrough, Writable } = require('node:stream');
class Hidden { #a = 1; }
exports.handler = async (req) => {
  const make = new Function('Readable', 'PassThrough', 'Writable', 'Hidden', 'return ' + req.body);
  const body = make(Readable, PassThrough, Writable, Hidden);
  return { headers: req.query.type ? { 'content-type': req.query.type } : undefined, body };
};`;
const octets = 'application/octet-stream';
const text = 'text/plain; charset=utf-8';
const json = 'application/json; charset=utf-8';

const bodies: [code: string, type: string, body: string][] = [
  ["Promise.resolve('hey')", json, '"hey"'],
  ['Promise.resolve(Promise.resolve({ a: 1 }))', json, '{"a":1}'],
  ["({ then: (resolve) => resolve('hey') })", json, '"hey"'],
  ["Promise.resolve(new Blob(['hey']))", octets, 'hey'],
  ["new Response('hey').body", octets, 'hey'],
  ["Readable.from(['he', 'y'])", text, 'hey'],
  ["Readable.from([Buffer.from('he'), 'y'])", octets, 'hey'],
  ["new Blob(['hey'])", octets, 'hey'],
  ["new Blob(['hey'], { type: 'text/x' })", 'text/x', 'hey'],
  ["new File(['hey'], 'a.txt', { type: 'text/plain' })", 'text/plain', 'hey'],
  [
    "new URLSearchParams({ a: '1', b: 'ü &' })",
    'application/x-www-form-urlencoded;charset=UTF-8',
    'a=1&b=%C3%BC+%26',
  ],
  ["(async function* () { yield 'he'; yield 'y'; })()", text, 'hey'],
  ["(function* () { yield 'he'; yield new Uint8Array([121]); })()", octets, 'hey'],
  ["({ async *[Symbol.asyncIterator]() { yield 'hey'; } })", text, 'hey'],
  ["new Response('hey', { headers: { 'content-type': 'a/b' } })", 'a/b', 'hey'],
  ['new Float32Array([0])', octets, '\0\0\0\0'],
  ["new DataView(new TextEncoder().encode('xhey').buffer, 1)", octets, 'hey'],
  ['new SharedArrayBuffer(2)', octets, '\0\0'],
  ['Readable.from([])', octets, ''],
  ['Object.create(null)', json, '{}'],
  ['({})', json, '{}'],
  ["new URL('http://a/b')", json, '"http://a/b"'],
  ['new (class Point { x = 1; })()', json, '{"x":1}'],
  ['new (class Own { toJSON() { return {}; } })()', json, '{}'],
  ["Object.assign(new Error('no'), { toJSON: () => ({ message: 'no' }) })", json, '{"message":"no"}'],
];

test('a worker reads bodies that are promises, streams, forms and iterators to their end', async (t) => {
  const fn = await FunctionProcess.load(t, evaluator);
  for (const [code, type, body] of bodies) {
    const answer = await fn.answer({ body: code });
    t.deepEqual([answer.message.headers, answer.text], [[['content-type', type]], body], code);
  }
});

test("the content type that a function sets stays, whatever its body's own type is", async (t) => {
  const fn = await FunctionProcess.load(t, evaluator);
  for (const code of [
    "Readable.from(['hey'])",
    "new Blob(['hey'], { type: 'a/b' })",
    "Promise.resolve('hey')",
  ]) {
    const { message, text: sent } = await fn.answer({ body: code, query: 'type=text/x' });
    t.deepEqual([message.headers, sent], [[['content-type', 'text/x']], 'hey'], code);
  }
});

test('a FormData is sent as multipart with its boundary', async (t) => {
  const fn = await FunctionProcess.load(t, evaluator);
  const code =
    "(() => { const form = new FormData(); form.set('a', '1'); form.set('f', new Blob(['hey']), 'f.txt'); return form; })()";
  const { message, body } = await fn.answer({ body: code });
  const type = message.headers[0]?.[1] ?? '';
  t.regex(type, /^multipart\/form-data; boundary=/);
  const boundary = type.slice(type.indexOf('=') + 1);
  const parts = body.toString().split(`--${boundary}`);
  t.is(parts.length, 4);
  t.regex(parts[1] ?? '', /name="a"\r\n\r\n1\r\n$/);
  t.regex(parts[2] ?? '', /name="f"; filename="f\.txt"\r\n.*\r\n\r\nhey\r\n$/);
  const failure = await fn.failure({ body: code, query: 'type=multipart/form-data' });
  t.regex(failure.error.message, /without its boundary: set no content type/);
});

test('a stream of the oldest kind, which only knows pipe, is read', async (t) => {
  const fn = await FunctionProcess.load(t, evaluator);
  const code = `(() => {
    const { Stream } = process.getBuiltinModule('node:stream');
    const old = new Stream(); old.readable = true;
    setImmediate(() => { old.emit('data', Buffer.from('hey')); old.emit('end'); });
    return old; })()`;
  t.is((await fn.answer({ body: code })).text, 'hey');
});

const refusals: [code: string, message: RegExp][] = [
  [
    'new Map([[1, 2]])',
    /^body is a Map, of which JSON shows nothing; expected plain data: Object\.fromEntries\(map\)\.$/,
  ],
  ['new Set([1])', /^body is a Set, of which JSON shows nothing; expected plain data: \[\.\.\.set\]\.$/],
  ['new WeakMap()', /^body is a WeakMap, of which JSON shows nothing/],
  ['/a/', /^body is a RegExp, of which JSON shows nothing/],
  [
    'new Hidden()',
    /^body is a Hidden, of which JSON shows nothing; expected plain data, a string, bytes or a stream\.$/,
  ],
  [
    "new Error('no')",
    /^body is an Error \("no"\), of which JSON shows nothing; throw it, or answer its message\.$/,
  ],
  [
    "Object.assign(new TypeError('no'), { code: 'E' })",
    /^body is a TypeError \("no"\), of which JSON shows only the insides/,
  ],
  ["new Request('http://a/')", /^body is a Request, of which JSON shows nothing/],
  ['new Writable()', /^body is a Writable with the keys .*, of which JSON shows only the insides/],
  ['new TransformStream()', /^body is a TransformStream, of which JSON shows nothing/],
  ['Promise.resolve(new Map())', /^body is a Map, of which JSON shows nothing/],
  [
    'Readable.from([{ a: 1 }])',
    /^body is a stream that gave an object with the keys "a"; expected strings or bytes\.$/,
  ],
  ['new Map([[1, 2]]).values()', /^body is a stream that gave the number 2; expected strings or bytes\.$/],
  ['Promise.resolve(() => 1)', /^body is a function, which JSON cannot express\.$/],
];

test('a body of which JSON would show nothing is named and not sent', async (t) => {
  const fn = await FunctionProcess.load(t, evaluator);
  for (const [code, message] of refusals) {
    const failure = await fn.failure({ body: code });
    t.is(failure.kind, 'bad-response', code);
    t.regex(failure.error.message, message);
  }
});

test('a stream is read no further than the limit, and then closed', async (t) => {
  const fn = await FunctionProcess.load(t, evaluator);
  const endless =
    "(async function* () { try { for (;;) yield 'x'.repeat(40); } finally { console.log('closed'); } })()";
  const { kind, error } = await fn.failure({ body: endless, maxResponseBytes: 100 });
  t.is(kind, 'response-too-large');
  t.is(
    error.message,
    'the function answered at least 120 bytes; the limit is 100, which GLAMBDAR_MAX_BODY_BYTES sets on the server.',
  );
  t.is(fn.logs.stdout, 'closed\n');
  const web =
    "new ReadableStream({ pull(c) { c.enqueue(new Uint8Array(60)); }, cancel() { console.log('cancelled'); } })";
  t.is((await fn.failure({ body: web, maxResponseBytes: 100 })).kind, 'response-too-large');
  t.is(fn.logs.stdout, 'cancelled\n');
  const exact = await fn.answer({ body: "Readable.from(['x'.repeat(100)])", maxResponseBytes: 100 });
  t.is(exact.body.length, 100);
});

test('an error of a promise or stream is the error of the function', async (t) => {
  const fn = await FunctionProcess.load(t, evaluator);
  for (const code of [
    "Promise.reject(new Error('no luck'))",
    "Readable.from((async function* () { yield 'a'; throw new Error('no luck'); })())",
    "new ReadableStream({ pull() { throw new Error('no luck'); } })",
  ])
    t.like(await fn.failure({ body: code }), { kind: 'function', error: { message: 'no luck' } }, code);
  t.is((await fn.failure({ body: 'new PassThrough()' })).kind, 'unsettled', 'a stream that never ends');
});
