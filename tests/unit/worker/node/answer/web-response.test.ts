import test from 'ava';
import { FunctionProcess } from '../../../../helpers/function-process.js';

/** Answers with the Response that the code in the body gives; `upstream` fetches from a server that encodes as it is told. */
const evaluator = `
const http = require('node:http');
const zlib = require('node:zlib');
const encoders = { gzip: zlib.gzipSync, br: zlib.brotliCompressSync, deflate: zlib.deflateSync, unknown: (body) => body };
const upstream = async (coding) => {
  const server = http.createServer((_req, res) => {
    res.writeHead(200, { 'content-encoding': coding, 'content-type': 'text/plain', 'x-a': '1' });
    res.end(encoders[coding](Buffer.from('hello '.repeat(20))));
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  server.unref();
  return fetch('http://127.0.0.1:' + server.address().port);
};
exports.handler = async (req) => new Function('upstream', 'zlib', 'return ' + req.body)(upstream, zlib);`;

const encodingOf = (headers: [string, string][]) =>
  headers.find(([name]) => name === 'content-encoding')?.[1];

test('the encoding of a body that fetch has decoded is not passed on', async (t) => {
  const fn = await FunctionProcess.load(t, evaluator);
  for (const coding of ['gzip', 'br', 'deflate'])
    for (const code of [
      `upstream('${coding}')`,
      `upstream('${coding}').then((r) => new Response(r.body, r))`,
      `upstream('${coding}').then((r) => new Response(r.body, { headers: r.headers }))`,
    ]) {
      const { message, text } = await fn.answer({ body: code });
      t.is(text, 'hello '.repeat(20), code);
      t.is(encodingOf(message.headers), undefined, code);
      t.true(
        message.headers.some(([name]) => name === 'x-a'),
        code,
      );
    }
  const other = await fn.answer({ body: "upstream('unknown')" });
  t.is(encodingOf(other.message.headers), 'unknown', 'a coding that fetch does not undo');
});

test('a body that a function has encoded itself keeps its encoding', async (t) => {
  const fn = await FunctionProcess.load(t, evaluator);
  for (const [coding, encode] of [
    ['gzip', 'gzipSync'],
    ['br', 'brotliCompressSync'],
    ['deflate', 'deflateSync'],
    ['deflate', 'deflateRawSync'],
  ] as const) {
    const { message } = await fn.answer({
      body: `new Response(zlib.${encode}('hello'), { headers: { 'content-encoding': '${coding}' } })`,
    });
    t.is(encodingOf(message.headers), coding, encode);
  }
});

test('a Response is read no further than the limit', async (t) => {
  const fn = await FunctionProcess.load(t, evaluator);
  for (const code of [
    'new Response(new ReadableStream({ pull(c) { c.enqueue(new Uint8Array(60)); } }))',
    "new Response('x'.repeat(101))",
  ])
    t.is((await fn.failure({ body: code, maxResponseBytes: 100 })).kind, 'response-too-large', code);
});

test('a Response whose body was read before is an error of the function', async (t) => {
  const fn = await FunctionProcess.load(t, evaluator);
  const { kind, error } = await fn.failure({
    body: "(async () => { const r = new Response('x'); await r.text(); return r; })()",
  });
  t.is(kind, 'function');
  t.regex(error.message, /Body (is unusable|has already been read)/);
});
